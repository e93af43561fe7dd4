//! `PythonWSGIAlias`: a WSGI application and the URI path it is mounted at. Words to values; serving is `crate::wsgi`'s
//! affair.

use std::path::{Path, PathBuf};

use crate::config::handlers::{Directory, HandlerEntry};
use crate::config::phase::Phase;

const USAGE: &str = "PythonWSGIAlias takes a URI path, an application (module:callable, or the path of a script) and, where \
                     needed, interpreter=NAME and home=DIRECTORY";

#[derive(Debug)]
pub struct Mount {
    /// The URI path, without a slash at its end: empty for the whole site.
    pub path: Box<[u8]>,
    /// The application, for the importer.
    pub entry: HandlerEntry,
    /// The file, where the application is not named by its module.
    pub script: Option<Box<[u8]>>,
    pub interpreter: Option<Box<[u8]>>,
    /// A virtual environment.
    pub home: Option<PathBuf>,
    /// Directive and path, for the log.
    pub name: String,
}

impl Mount {
    /// What the directive's words say. A relative path starts at `root`.
    ///
    /// # Errors
    /// A sentence for the administrator.
    pub fn parse(words: &[&[u8]], root: &Path) -> Result<Self, String> {
        let [path, target, options @ ..] = words else { return Err(format!("MP0211: {USAGE}")) };
        if !path.starts_with(b"/") {
            return Err(format!("MP0201: the URI path must begin with a slash: {}", shown(path)));
        }
        let (script, entry) = application(target, root)?;
        let mut mount = Self {
            path: path.strip_suffix(b"/").unwrap_or(path).into(),
            entry,
            script,
            interpreter: None,
            home: None,
            name: format!("PythonWSGIAlias {}", shown(path)),
        };
        for option in options {
            match option.iter().position(|byte| *byte == b'=').map(|at| option.split_at(at + 1)) {
                Some((b"interpreter=", name)) if !name.is_empty() => {
                    mount.interpreter = Some(name.into());
                }
                Some((b"home=", path)) if !path.is_empty() => mount.home = Some(below(root, path)),
                _ => return Err(format!("MP0202: {} is not understood: {USAGE}", shown(option))),
            }
        }
        Ok(mount)
    }
}

/// Whether `uri` is `base` or below it, by whole segments.
#[must_use]
pub fn is_below(uri: &[u8], base: &[u8]) -> bool {
    uri.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || base.is_empty() || rest.starts_with(b"/"))
}

/// An absolute path stays as it is; another one starts at `root`, as httpd's own directives have it.
#[must_use]
pub fn below(root: &Path, path: &[u8]) -> PathBuf {
    root.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(path))
}

/// The script, if it is one, and what the importer is told.
type Application = (Option<Box<[u8]>>, HandlerEntry);

fn application(target: &[u8], root: &Path) -> Result<Application, String> {
    let (file, object) = split(target);
    if object.split(|byte| *byte == b'.').any(|part| !is_identifier(part)) {
        return Err(format!(
            "MP0203: {} is no name of a callable, in {}",
            shown(object),
            shown(target)
        ));
    }
    let script =
        file.contains(&b'/').then(|| below(root, file).into_os_string().into_encoded_bytes());
    let module = script.as_deref().unwrap_or(file);
    if script.is_none() && module.split(|byte| *byte == b'.').any(|part| !is_identifier(part)) {
        let target = shown(target);
        return Err(format!(
            "MP0204: {target} is neither module:callable nor the path of a script, which has a slash"
        ));
    }
    let text = [module, b"::", object].concat();
    let entry = HandlerEntry::new(&text, Phase::Handler, Directory::None);
    Ok((script.map(Vec::into_boxed_slice), entry))
}

/// Module or file, and callable. A colon within the path of a file is no separator.
fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let colon = target
        .iter()
        .rposition(|byte| matches!(byte, b':' | b'/'))
        .filter(|at| target[*at] == b':');
    let Some(colon) = colon else { return (target, b"application") };
    let (file, object) = (&target[..colon], &target[colon + 1..]);
    (file.strip_suffix(b":").unwrap_or(file), object)
}

fn is_identifier(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| !byte.is_ascii_digit())
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii())
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Mount, String> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        Mount::parse(&words, Path::new("/root"))
    }

    fn target(line: &str) -> (String, String, Option<String>) {
        let mount = parse(line).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(mount.entry.module()), text(mount.entry.object()), mount.script.as_deref().map(text))
    }

    #[test]
    fn modules_and_scripts_are_told_apart() {
        let own = |texts: (&str, &str, Option<&str>)| {
            (texts.0.to_owned(), texts.1.to_owned(), texts.2.map(str::to_owned))
        };
        let cases = [
            ("/ a.b:app", ("a.b", "app", None)),
            ("/ a::app.x", ("a", "app.x", None)),
            ("/ a", ("a", "application", None)),
            ("/ /s/a.wsgi", ("/s/a.wsgi", "application", Some("/s/a.wsgi"))),
            ("/ /s:t/a.py:app", ("/s:t/a.py", "app", Some("/s:t/a.py"))),
            ("/ s/a.py", ("/root/s/a.py", "application", Some("/root/s/a.py"))),
        ];
        for (line, expected) in cases {
            assert_eq!(target(line), own(expected), "{line}");
        }
    }

    #[test]
    fn options_and_paths() {
        let mount = parse("/app/ m:a interpreter=one home=venv").unwrap();
        assert_eq!(&*mount.path, b"/app");
        assert_eq!(mount.interpreter.as_deref(), Some(&b"one"[..]));
        assert_eq!(mount.home.as_deref(), Some(Path::new("/root/venv")));
        assert_eq!(&*parse("/ m:a").unwrap().path, b"");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, part) in [
            ("/a", "takes a URI path"),
            ("a m:b", "begin with a slash"),
            ("/a app.wsgi:1", "no name of a callable"),
            ("/a m-n:b", "neither module:callable"),
            ("/a m:b threads=3", "threads=3 is not understood"),
            ("/a m:b home=", "home= is not understood"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn a_base_ends_at_a_segment() {
        assert!(is_below(b"/app/x", b"/app") && is_below(b"/app", b"/app"));
        assert!(!is_below(b"/appx", b"/app"));
        assert!(is_below(b"/x", b""));
    }
}
