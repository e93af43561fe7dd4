//! .htaccess files without a request: what a directory's says, and what is in force there, by httpd's own reader.

use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::ptr;

use super::apr_error::AprError;
use super::pool::Pool;
use super::sections::ConfigSection;
use super::server::Server;
use super::{sys, text};

/// The file of one directory.
pub struct Htaccess<'p> {
    /// Its path.
    pub file: Vec<u8>,
    /// What it says, or why httpd refuses it.
    pub own: Result<ConfigSection<'p>, String>,
    /// What is in force where it is: sections and the files of the directories above, merged as for a request.
    pub in_force: ConfigSection<'p>,
}

/// The file that httpd would read in `directory` (with a slash at its end); None where there is none, or none is allowed.
#[must_use]
pub fn of_directory<'p>(
    server: &'p Server,
    pool: Pool<'p>,
    directory: &[u8],
) -> Option<Htaccess<'p>> {
    let walked = walk(server, pool, directory)?;
    walked.1.map(|(file, own)| Htaccess { file, own, in_force: walked.0 })
}

/// Whether a file in `directory` would be read.
#[must_use]
pub fn is_allowed(server: &Server, pool: Pool<'_>, directory: &[u8]) -> bool {
    walk(server, pool, directory).is_some_and(|(in_force, _)| in_force.allows_overrides())
}

type File<'p> = (Vec<u8>, Result<ConfigSection<'p>, String>);

/// As `ap_directory_walk`: down from the root, at each step first the sections and then the file.
fn walk<'p>(
    server: &'p Server,
    pool: Pool<'p>,
    directory: &[u8],
) -> Option<(ConfigSection<'p>, Option<File<'p>>)> {
    let sections = server.directory_sections();
    let mut in_force = server.default_section()?;
    let mut last = None;
    let slashes = directory.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    for step in slashes.map(|(end, _)| &directory[..=end]) {
        for section in sections.iter().filter(|section| section.is_of(step)) {
            in_force = in_force.merged(*section, pool);
        }
        last = in_force.allows_overrides().then(|| read_in(server, pool, step, in_force)).flatten();
        if let Some((_, Ok(own))) = &last {
            in_force = in_force.merged(*own, pool);
        }
    }
    for section in sections.iter().filter(|section| section.matches(directory)) {
        in_force = in_force.merged(*section, pool);
    }
    Some((in_force, last))
}

fn read_in<'p>(
    server: &'p Server,
    pool: Pool<'p>,
    directory: &[u8],
    in_force: ConfigSection<'p>,
) -> Option<File<'p>> {
    server.access_names().into_iter().find_map(|name| {
        let file = [directory, name].concat();
        Some((file.clone(), read(*server, pool, pool.dup(&file), pool.dup(directory), in_force)?))
    })
}

/// None if there is no such file.
fn read<'p>(
    server: Server,
    pool: Pool<'p>,
    file: &CStr,
    directory: &CStr,
    in_force: ConfigSection<'p>,
) -> Option<Result<ConfigSection<'p>, String>> {
    let core = in_force.core()?;
    let mut opened = ptr::null_mut();
    // SAFETY: pool and path live; httpd opens the file in the pool.
    let status = unsafe { sys::ap_pcfg_openfile(&raw mut opened, pool.raw(), file.as_ptr()) };
    if status != 0 {
        let error = AprError(status);
        return (!error.is_not_found() && status != libc::ENOTDIR)
            .then(|| Err(format!("it cannot be read: {error}")));
    }
    // SAFETY: as ap_parse_htaccess does with a request: a zeroed record is what httpd starts from. One pool for both says that this
    // is an .htaccess file. Pool, server, path and vector live longer than the calls, and nothing else runs in this process.
    unsafe {
        let mut parameters: sys::cmd_parms = MaybeUninit::zeroed().assume_init();
        parameters.override_ = core.override_ as c_int;
        parameters.override_opts = core.override_opts as c_int;
        parameters.override_list = core.override_list;
        parameters.limited = -1;
        parameters.pool = pool.raw();
        parameters.temp_pool = pool.raw();
        parameters.server = server.raw();
        parameters.path = directory.as_ptr().cast_mut();
        parameters.config_file = opened;
        let vector = sys::ap_create_per_dir_config(pool.raw());
        let mut tree = ptr::null_mut();
        let mut refused =
            sys::ap_build_config(&raw mut parameters, pool.raw(), pool.raw(), &raw mut tree);
        if refused.is_null() {
            refused = sys::ap_walk_config(tree, &raw mut parameters, vector);
        }
        sys::ap_cfg_closefile(opened);
        let why = text::bytes(refused).map(|why| String::from_utf8_lossy(why).into_owned());
        let line = parameters.err_directive.as_ref().map(|directive| directive.line_num);
        match (why, ConfigSection::of(vector)) {
            (None, own) => own.map(Ok),
            (Some(why), _) => {
                Some(Err(line.map_or(why.clone(), |line| format!("line {line}: {why}"))))
            }
        }
    }
}
