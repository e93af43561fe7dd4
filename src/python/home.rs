//! Where Python's installation or a virtual environment is, and whether it is one for the Python that runs here. Looked at
//! when httpd starts, without starting Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::compat;

/// What a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A virtual environment (PEP 405).
    Virtual,
    Installation,
}

/// Each is a sentence for whoever starts httpd.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HomeError {
    #[error("{0} is no directory")]
    Missing(PathBuf),
    #[error(
        "{path} is neither a virtual environment (it has no pyvenv.cfg) nor an installation of Python {expected} (it has no \
         lib/python{expected}/os.py)"
    )]
    Neither { path: PathBuf, expected: String },
    #[error(
        "{path} is a virtual environment of Python {found}, but mod_python runs Python {expected} ({library}): make it anew \
         with python{expected} -m venv"
    )]
    Version { path: PathBuf, found: String, expected: String, library: String },
}

/// The process' own, from `PythonHome`.
static HOME: OnceLock<PathBuf> = OnceLock::new();

/// Says where Python is at home. It counts only when Python has not started yet.
pub fn set(home: PathBuf) {
    let _ = HOME.set(home);
}

/// What was set, and is of this kind.
#[must_use]
pub fn of_process(kind: Kind) -> Option<&'static Path> {
    HOME.get().map(PathBuf::as_path).filter(|home| check(home) == Ok(kind))
}

/// What `home` is.
///
/// # Errors
/// It is nothing of use to the Python that runs here.
pub fn check(home: &Path) -> Result<Kind, HomeError> {
    let (major, minor, _) = compat::version();
    check_for(home, &format!("{major}.{minor}"))
}

fn check_for(home: &Path, expected: &str) -> Result<Kind, HomeError> {
    if !home.is_dir() {
        return Err(HomeError::Missing(home.to_owned()));
    }
    let expected = expected.to_owned();
    let Ok(configuration) = fs::read_to_string(home.join("pyvenv.cfg")) else {
        let landmark = home.join(format!("lib/python{expected}/os.py"));
        return if landmark.is_file() {
            Ok(Kind::Installation)
        } else {
            Err(HomeError::Neither { path: home.to_owned(), expected })
        };
    };
    let found = version_of(&configuration).or_else(|| library_of(home)).unwrap_or_default();
    if found == expected && home.join(format!("lib/python{expected}/site-packages")).is_dir() {
        return Ok(Kind::Virtual);
    }
    let library = compat::library_path().unwrap_or_else(|| "libpython".to_owned());
    Err(HomeError::Version { path: home.to_owned(), found, expected, library })
}

/// `3.11` from what venv (`version = 3.11.2`) or virtualenv and uv (`version_info = 3.11.2.final.0`) have written.
fn version_of(configuration: &str) -> Option<String> {
    let value = configuration.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        matches!(key.trim(), "version" | "version_info").then(|| value.trim())
    })?;
    let mut parts = value.split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

/// From the name of its library's directory.
fn library_of(home: &Path) -> Option<String> {
    let names = fs::read_dir(home.join("lib")).ok()?;
    names
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find_map(|name| name.strip_prefix("python").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("home-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).expect("a directory");
            Self(path)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn versions_as_three_tools_write_them() {
        for (text, version) in [
            ("home = /usr/bin\nversion = 3.11.2\n", "3.11"),
            ("version_info = 3.13.1.final.0", "3.13"),
            ("version_info=3.12", "3.12"),
        ] {
            assert_eq!(version_of(text).as_deref(), Some(version));
        }
        assert_eq!(version_of("home = /usr/bin"), None);
    }

    #[test]
    fn an_environment_of_another_python_is_refused_with_both_versions() {
        let scratch = Scratch::new("other");
        scratch.write("pyvenv.cfg", "version = 3.9.1\n");
        let error = check_for(&scratch.0, "3.11").unwrap_err().to_string();
        assert!(error.contains("of Python 3.9,") && error.contains("runs Python 3.11"), "{error}");
        scratch.write("pyvenv.cfg", "version = 3.11.1\n");
        assert!(check_for(&scratch.0, "3.11").is_err(), "it has no site-packages");
        scratch.write("lib/python3.11/site-packages/x.py", "");
        assert_eq!(check_for(&scratch.0, "3.11"), Ok(Kind::Virtual));
        scratch.write("pyvenv.cfg", "home = /usr/bin\n");
        assert_eq!(check_for(&scratch.0, "3.11"), Ok(Kind::Virtual));
    }

    #[test]
    fn a_directory_is_an_installation_or_nothing() {
        let scratch = Scratch::new("plain");
        assert!(matches!(check_for(&scratch.0, "3.11"), Err(HomeError::Neither { .. })));
        scratch.write("lib/python3.11/os.py", "");
        assert_eq!(check_for(&scratch.0, "3.11"), Ok(Kind::Installation));
        let nowhere = scratch.0.join("none");
        assert_eq!(check_for(&nowhere, "3.11"), Err(HomeError::Missing(nowhere)));
    }
}
