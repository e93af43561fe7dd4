//! What a server (the main one or a virtual host) says beside what its requests inherit: its connection handlers and
//! flags, what to import when a child starts, and what holds for the process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::apache::record::{Config, Merged};
use crate::apache::server::Server;
use crate::config::gil::GilWishes;
use crate::config::mount::{Mount, is_below};
use crate::config::section::Section;

#[derive(Clone, Debug, Default)]
pub struct ServerSection {
    /// The server-level directives once more, for whom no request stands by: connection handlers, imports, `server.get_config()`.
    pub(super) section: Section,
    pub(super) imports: Vec<Arc<Import>>,
    pub(super) optimize: bool,
    pub(super) allow_htaccess: Option<bool>,
    /// Longest path first.
    pub(super) mounts: Vec<Arc<Mount>>,
    /// `PythonHome`, which only the main server has.
    pub(super) home: Option<PathBuf>,
    /// `PythonInterpreterGIL`, which only the main server has.
    pub(super) gil_wishes: GilWishes,
}

/// `PythonImport module[::function] interpreter`.
#[derive(Debug)]
pub struct Import {
    pub text: Box<[u8]>,
    pub interpreter: Box<[u8]>,
    separator: Option<usize>,
    /// Its place among all imports of all servers.
    order: u64,
}

impl Config for ServerSection {
    fn create(_place: Option<&[u8]>) -> ServerSection {
        ServerSection::default()
    }

    fn merge(base: &ServerSection, add: &ServerSection) -> Merged<ServerSection> {
        Merged::New(ServerSection {
            section: base.section.overlaid(&add.section),
            imports: add.imports.clone(),
            optimize: base.optimize || add.optimize,
            allow_htaccess: add.allow_htaccess.or(base.allow_htaccess),
            mounts: longest_first(add.mounts.iter().chain(&base.mounts)),
            home: add.home.as_ref().or(base.home.as_ref()).cloned(),
            gil_wishes: base.gil_wishes.clone(),
        })
    }
}

impl ServerSection {
    pub fn section(&self) -> &Section {
        &self.section
    }

    /// `PythonOptimize On`, anywhere.
    pub fn optimizes(&self) -> bool {
        self.optimize
    }

    /// Whether an .htaccess may name handlers and set `PythonPath`.
    pub fn allows_htaccess(&self) -> bool {
        self.allow_htaccess.unwrap_or(true)
    }

    /// The application at `uri`: the one with the longest path. A virtual host's own come before those it inherits.
    pub fn mount(&self, uri: &[u8]) -> Option<&Arc<Mount>> {
        self.mounts.iter().find(|mount| is_below(uri, &mount.path))
    }

    pub fn mounts(&self) -> &[Arc<Mount>] {
        &self.mounts
    }

    pub fn gil_wishes(&self) -> &GilWishes {
        &self.gil_wishes
    }

    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// # Errors
    /// There is one at this path.
    pub(super) fn add_mount(&mut self, mount: Mount) -> Result<(), String> {
        if self.mounts.iter().any(|known| known.path == mount.path) {
            return Err(format!("MP0205: there is another {} in this server", mount.name));
        }
        self.mounts.push(Arc::new(mount));
        self.mounts = longest_first(&self.mounts);
        Ok(())
    }

    pub(super) fn add_import(&mut self, text: &[u8], interpreter: &[u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let separator = text.windows(2).position(|pair| pair == b"::");
        let order = NEXT.fetch_add(1, Ordering::Relaxed);
        let import =
            Import { text: text.into(), interpreter: interpreter.into(), separator, order };
        self.imports.push(Arc::new(import));
    }
}

/// Where two have the same path the first one stays the first.
fn longest_first<'a>(mounts: impl IntoIterator<Item = &'a Arc<Mount>>) -> Vec<Arc<Mount>> {
    let mut mounts: Vec<_> = mounts.into_iter().cloned().collect();
    mounts.sort_by_key(|mount| std::cmp::Reverse(mount.path.len()));
    mounts
}

impl Import {
    pub fn module(&self) -> &[u8] {
        &self.text[..self.separator.unwrap_or(self.text.len())]
    }

    pub fn function(&self) -> Option<&[u8]> {
        self.separator.map(|separator| &self.text[separator + 2..])
    }
}

/// Every import once, in the order of the configuration, with the first of the servers that has it. A virtual host
/// without server-level directives of its own shares the main server's section, imports and all.
pub fn imports(main: Server) -> Vec<(Server, Arc<Import>)> {
    let mut found = Vec::new();
    for server in std::iter::successors(Some(main), Server::next) {
        if let Some(section) = server.config() {
            add_imports(&mut found, server, section);
        }
    }
    found
}

fn add_imports<S: Copy>(found: &mut Vec<(S, Arc<Import>)>, server: S, section: &ServerSection) {
    for import in &section.imports {
        let place = found.partition_point(|(_, known)| known.order < import.order);
        if found.get(place).is_none_or(|(_, known)| known.order != import.order) {
            found.insert(place, (server, Arc::clone(import)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_come_in_the_order_of_the_configuration_and_once() {
        let (mut main, mut host) = (ServerSection::default(), ServerSection::default());
        main.add_import(b"first", b"a");
        host.add_import(b"second::start", b"b");
        main.add_import(b"third", b"c");
        let mut found = Vec::new();
        for (server, section) in [("main", &main), ("host", &host), ("plain host", &main)] {
            add_imports(&mut found, server, section);
        }
        let names: Vec<_> =
            found.iter().map(|(server, import)| (*server, import.module().to_vec())).collect();
        assert_eq!(
            names,
            [
                ("main", b"first".to_vec()),
                ("host", b"second".to_vec()),
                ("main", b"third".to_vec())
            ]
        );
        assert_eq!(found[1].1.function(), Some(&b"start"[..]));
        assert_eq!(found[0].1.function(), None);
    }

    #[test]
    fn a_virtual_host_does_not_inherit_imports_but_all_else() {
        let mut main = ServerSection {
            allow_htaccess: Some(false),
            optimize: true,
            ..ServerSection::default()
        };
        main.add_import(b"m", b"i");
        let Merged::New(merged) = ServerSection::merge(&main, &ServerSection::default()) else {
            panic!("not merged")
        };
        assert!(merged.imports.is_empty());
        assert!(merged.optimizes() && !merged.allows_htaccess());
    }
}
