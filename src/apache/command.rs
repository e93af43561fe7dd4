//! Directives: a table of plain Rust functions that httpd calls while it reads its configuration or an .htaccess.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr;

use super::boundary::{self, Place};
use super::filter::{self, Direction};
use super::pool::Pool;
use super::record::{self, Commands, Config};
use super::{sys, text};

/// One row: a directive that fills in the section `D` in which it stands, and perhaps the server's `S`.
pub struct Directive<D: 'static, S: 'static> {
    pub name: &'static CStr,
    pub contexts: Contexts,
    pub set: Set<D, S>,
    /// Shown by httpd when the number of arguments is wrong, and by `httpd -L`.
    pub help: &'static CStr,
}

/// The arguments a directive takes, and the function that gets them. httpd checks the number, and On or Off.
#[expect(
    clippy::type_complexity,
    reason = "written out, the arguments of each kind can be compared"
)]
pub enum Set<D: 'static, S: 'static> {
    /// All that follows the directive, quotes included.
    Raw(fn(&mut Command<'_, D, S>, &[u8]) -> Outcome),
    Flag(fn(&mut Command<'_, D, S>, bool) -> Outcome),
    One(fn(&mut Command<'_, D, S>, &[u8]) -> Outcome),
    OneOrTwo(fn(&mut Command<'_, D, S>, &[u8], Option<&[u8]>) -> Outcome),
    Two(fn(&mut Command<'_, D, S>, &[u8], &[u8]) -> Outcome),
    /// Any number of them.
    Words(fn(&mut Command<'_, D, S>, &[&[u8]]) -> Outcome),
}

/// An error is what httpd tells the administrator; at start-up it stops httpd.
pub type Outcome = Result<(), String>;

/// Where a directive may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contexts(c_int);

impl Contexts {
    /// The main server and virtual hosts.
    pub const SERVER: Contexts = Contexts(sys::RSRC_CONF as c_int);
    /// Those and directory, location and file sections.
    pub const SERVER_AND_SECTIONS: Contexts =
        Contexts((sys::RSRC_CONF | sys::ACCESS_CONF) as c_int);
    /// Those and .htaccess, under any `AllowOverride` but None.
    pub const EVERYWHERE: Contexts = Contexts(sys::OR_ALL as c_int);
}

/// Directives as httpd reads them: rows and the one that ends them, side by side.
#[repr(C)]
pub struct CommandTable<const N: usize> {
    rows: [sys::command_rec; N],
    end: sys::command_rec,
}

// SAFETY: nobody writes into the table; its pointers lead to statics.
unsafe impl<const N: usize> Sync for CommandTable<N> {}

impl<const N: usize> CommandTable<N> {
    pub const fn new<D: Config, S: Config>(
        directives: &'static [Directive<D, S>; N],
    ) -> CommandTable<N> {
        let mut rows = [END; N];
        let mut index = 0;
        while index < N {
            rows[index] = directives[index].row();
            index += 1;
        }
        CommandTable { rows, end: END }
    }

    pub const fn commands(&'static self) -> Commands {
        // SAFETY: a static, whose last part is the row that ends it.
        unsafe { Commands::from_raw(ptr::from_ref(self).cast()) }
    }
}

const END: sys::command_rec = sys::command_rec {
    name: ptr::null(),
    func: sys::cmd_func { no_args: None },
    cmd_data: ptr::null_mut(),
    req_override: 0,
    args_how: sys::RAW_ARGS,
    errmsg: ptr::null(),
};

impl<D: Config, S: Config> Directive<D, S> {
    const fn row(&'static self) -> sys::command_rec {
        let (func, args_how) = match &self.set {
            Set::Raw(_) => (sys::cmd_func { raw_args: Some(one_text::<D, S>) }, sys::RAW_ARGS),
            Set::Flag(_) => (sys::cmd_func { flag: Some(flag::<D, S>) }, sys::FLAG),
            Set::One(_) => (sys::cmd_func { take1: Some(one_text::<D, S>) }, sys::TAKE1),
            Set::OneOrTwo(_) => (sys::cmd_func { take2: Some(two_texts::<D, S>) }, sys::TAKE12),
            Set::Two(_) => (sys::cmd_func { take2: Some(two_texts::<D, S>) }, sys::TAKE2),
            Set::Words(_) => (sys::cmd_func { take_argv: Some(words::<D, S>) }, sys::TAKE_ARGV),
        };
        sys::command_rec {
            name: self.name.as_ptr(),
            func,
            cmd_data: ptr::from_ref(self).cast_mut().cast(),
            req_override: self.contexts.0,
            args_how,
            errmsg: self.help.as_ptr(),
        }
    }
}

/// A directive being read.
pub struct Command<'c, D: 'static, S: 'static> {
    parms: &'c sys::cmd_parms,
    directive: &'static Directive<D, S>,
    /// What the directive fills in: the configuration of the place in which it stands.
    pub section: &'c mut D,
    server: PhantomData<&'c S>,
}

/// Where a directive stands: the innermost section around it that says for which files or URIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'c> {
    /// The main server, a virtual host, or a section there that names no place.
    Server,
    /// A directory, with a trailing slash: a `<Directory>` or that of an .htaccess.
    Directory(&'c CStr),
    /// A `<Directory>` with `*`, `?` or `[`.
    Wildcard(&'c CStr),
    /// A `<DirectoryMatch>` or `<Directory ~ ...>`.
    Regex(&'c CStr),
    /// The argument of a `<Location>` or `<LocationMatch>`, whatever it is.
    Location(&'c CStr),
}

impl<'c, D: Config, S: Config> Command<'c, D, S> {
    /// The directive's name, as its row spells it.
    pub fn directive(&self) -> &'static CStr {
        self.directive.name
    }

    /// Whether this is an .htaccess, read during a request. Nothing but the section may be changed then.
    pub fn is_htaccess(&self) -> bool {
        // httpd's own sign for it (ap_check_cmd_context).
        self.parms.pool == self.parms.temp_pool
    }

    /// What lives as long as the configuration that is read.
    pub fn pool(&self) -> Option<Pool<'c>> {
        // SAFETY: httpd passes the pool that the configuration is kept in.
        unsafe { Pool::from_raw(self.parms.pool) }
    }

    /// Whether the directive stands outside of all sections but `<VirtualHost>`.
    pub fn is_server_level(&self) -> bool {
        self.parms.path.is_null()
    }

    /// Whether the directive stands in a virtual host.
    pub fn is_virtual_host(&self) -> bool {
        // SAFETY: a directive is always read for some server.
        unsafe { self.parms.server.as_ref() }.is_some_and(|server| server.is_virtual != 0)
    }

    /// The configuration of the server in which the directive stands, to be filled in; none for an .htaccess.
    pub fn server_mut(&mut self) -> Option<&mut S> {
        if self.is_htaccess() {
            return None;
        }
        // SAFETY: httpd reads its configuration in one thread, and `&mut self` keeps a second borrow from being made.
        unsafe { record::config_mut(self.server_slot()) }
    }

    /// The server's configuration: merged for an .htaccess, else what has been read until now.
    pub fn server(&self) -> Option<&S> {
        // SAFETY: only server_mut changes it, with a borrow that excludes this one.
        unsafe { record::config_ref(self.server_slot()) }
    }

    /// The file that is being read, and the line.
    pub fn position(&self) -> Option<(&'c [u8], i32)> {
        // SAFETY: the node of the configuration's tree and its texts live during the call.
        unsafe {
            let node = self.parms.directive.as_ref()?;
            Some((text::bytes(node.filename)?, node.line_num))
        }
    }

    /// Makes a filter known to httpd under `name`. Not in an .htaccess.
    pub fn register_filter(&mut self, direction: Direction, name: &[u8]) {
        if let Some(pool) = self.pool().filter(|_| !self.is_htaccess()) {
            filter::register(pool, direction, name);
        }
    }

    pub fn scope(&self) -> Scope<'c> {
        // SAFETY: httpd's tree of directives is complete and unchanged while it is walked.
        let mut node =
            unsafe { self.parms.directive.as_ref().and_then(|node| node.parent.as_ref()) };
        while let Some(section) = node {
            if let Some(scope) = self.scope_of(section) {
                return scope;
            }
            // SAFETY: as above.
            node = unsafe { section.parent.as_ref() };
        }
        if self.is_htaccess() { self.htaccess_directory() } else { Scope::Server }
    }

    /// What a section's own line says; None for one that is looked through, like `<Files>`.
    fn scope_of(&self, section: &'c sys::ap_directive_t) -> Option<Scope<'c>> {
        // SAFETY: a node of the tree has a name.
        let name = unsafe { text::bytes(section.directive)? };
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        let location = is(b"<Location") || is(b"<LocationMatch");
        if !location && !is(b"<Directory") && !is(b"<DirectoryMatch") {
            return None;
        }
        let (place, tilde) = self.section_argument(section)?;
        Some(match (location, tilde || is(b"<DirectoryMatch")) {
            (true, _) => Scope::Location(place),
            (false, true) => Scope::Regex(place),
            (false, false) => self.directory(place),
        })
    }

    /// The place in a section's line, and whether a `~` stood before it. Read as httpd's own sections do.
    fn section_argument(&self, section: &'c sys::ap_directive_t) -> Option<(&'c CStr, bool)> {
        // SAFETY: the line lives as long as the tree.
        let line = unsafe { text::bytes(section.args)? };
        let end = line.iter().rposition(|&byte| byte == b'>').unwrap_or(line.len());
        let line = self.temporary()?.dup(&line[..end]);
        let mut rest = line.as_ptr();
        let mut word = || {
            // SAFETY: `rest` walks along the copied line; the word is allocated in the temporary pool.
            unsafe {
                let word = sys::ap_getword_conf(self.parms.temp_pool, &raw mut rest);
                (!word.is_null()).then(|| CStr::from_ptr::<'c>(word))
            }
        };
        let first = word()?;
        if first == c"~" { Some((word()?, true)) } else { Some((first, false)) }
    }

    fn directory(&self, path: &'c CStr) -> Scope<'c> {
        let path = self.canonical(path).unwrap_or(path);
        // SAFETY: a C string, read during the call.
        let is_wildcard = unsafe { sys::apr_fnmatch_test(path.as_ptr()) != 0 };
        if is_wildcard { Scope::Wildcard(path) } else { Scope::Directory(path) }
    }

    /// As httpd's `<Directory>` does: no `//` or `..`, and a trailing slash.
    fn canonical(&self, path: &CStr) -> Option<&'c CStr> {
        let mut merged = ptr::null_mut();
        let flags = sys::APR_FILEPATH_TRUENAME as i32;
        // SAFETY: C strings and a live pool, in which the result is allocated.
        let merged = unsafe {
            let status = sys::apr_filepath_merge(
                &raw mut merged,
                ptr::null(),
                path.as_ptr(),
                flags,
                self.parms.temp_pool,
            );
            let is_path = status == sys::APR_SUCCESS as i32 || status == sys::APR_EPATHWILD as i32;
            text::bytes::<'c>(merged.cast_const()).filter(|_| is_path)?
        };
        Some(self.temporary()?.dup(&with_slash(merged)))
    }

    /// Inside a section of an .htaccess `path` is that section's, but the file still stands in its directory.
    fn htaccess_directory(&self) -> Scope<'c> {
        let file = self.position().map_or(&b""[..], |(file, _)| file);
        let end = file.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        self.temporary().map_or(Scope::Server, |pool| Scope::Directory(pool.dup(&file[..end])))
    }

    fn temporary(&self) -> Option<Pool<'c>> {
        // SAFETY: httpd clears the pool after the whole configuration or .htaccess is read.
        unsafe { Pool::from_raw(self.parms.temp_pool) }
    }

    fn server_slot(&self) -> *mut c_void {
        // SAFETY: a directive is always read for some server.
        unsafe {
            self.parms
                .server
                .as_ref()
                .map_or(ptr::null_mut(), |server| record::slot(server.module_config).cast_mut())
        }
    }
}

fn with_slash(path: &[u8]) -> Vec<u8> {
    let mut path = path.to_vec();
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    path
}

unsafe extern "C" fn one_text<D: Config, S: Config>(
    parms: *mut sys::cmd_parms,
    section: *mut c_void,
    argument: *const c_char,
) -> *const c_char {
    // SAFETY: httpd's arguments, passed on.
    unsafe { call::<D, S>(parms, section, &[argument], false) }
}

unsafe extern "C" fn two_texts<D: Config, S: Config>(
    parms: *mut sys::cmd_parms,
    section: *mut c_void,
    first: *const c_char,
    second: *const c_char,
) -> *const c_char {
    // SAFETY: httpd's arguments, passed on.
    unsafe { call::<D, S>(parms, section, &[first, second], false) }
}

unsafe extern "C" fn flag<D: Config, S: Config>(
    parms: *mut sys::cmd_parms,
    section: *mut c_void,
    on: c_int,
) -> *const c_char {
    // SAFETY: httpd's arguments, passed on.
    unsafe { call::<D, S>(parms, section, &[], on != 0) }
}

unsafe extern "C" fn words<D: Config, S: Config>(
    parms: *mut sys::cmd_parms,
    section: *mut c_void,
    count: c_int,
    words: *const *mut c_char,
) -> *const c_char {
    // SAFETY: httpd passes as many words as it says; the rest is passed on.
    unsafe {
        let words = if count <= 0 {
            &[]
        } else {
            std::slice::from_raw_parts(words.cast::<*const c_char>(), count.unsigned_abs() as usize)
        };
        call::<D, S>(parms, section, words, false)
    }
}

/// Calls the row's function; its error, copied into the configuration's pool, is what httpd shows.
///
/// # Safety
/// All pointers are httpd's, for a directive of a [`CommandTable`] made for `D` and `S`.
unsafe fn call<D: Config, S: Config>(
    parms: *mut sys::cmd_parms,
    section: *mut c_void,
    texts: &[*const c_char],
    on: bool,
) -> *const c_char {
    // SAFETY: httpd passes what it reads, the row (whose data is the Directive), the section that it had us create, and
    // arguments that live during the call.
    let (parms, directive, section, texts) = unsafe {
        let parms = &*parms;
        let directive = &*(*parms.cmd).cmd_data.cast::<Directive<D, S>>();
        (
            parms,
            directive,
            record::config_mut::<D>(section),
            texts.iter().map_while(|text| text::bytes(*text)).collect::<Vec<_>>(),
        )
    };
    let outcome =
        boundary::contain(Place::Server(parms.server), Err("internal error".to_owned()), || {
            let section =
                section.ok_or("httpd has no configuration of this module for the section")?;
            let mut command = Command { parms, directive, section, server: PhantomData };
            let (first, second) =
                (texts.first().copied().unwrap_or_default(), texts.get(1).copied());
            let command = &mut command;
            match directive.set {
                Set::Raw(set) | Set::One(set) => set(command, first),
                Set::Flag(set) => set(command, on),
                Set::OneOrTwo(set) => set(command, first, second),
                Set::Two(set) => set(command, first, second.unwrap_or_default()),
                Set::Words(set) => set(command, &texts),
            }
        });
    // SAFETY: the pool lives as long as what is being read.
    let pool = unsafe { Pool::from_raw(parms.pool) };
    match (outcome, pool) {
        (Ok(()), _) => ptr::null(),
        (Err(message), Some(pool)) => pool.dup(message.as_bytes()).as_ptr(),
        (Err(_), None) => c"the directive could not be read".as_ptr(),
    }
}
