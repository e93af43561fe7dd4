//! The sections of a server's configuration, as httpd's core keeps them: what it walks through for each request.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::pool::Pool;
use super::record::{self, Config};
use super::server::Server;
use super::{array, sys, text};

/// One `<Directory>`, `<Location>`, `<Files>` or `<If>`. It lives as long as the server.
#[derive(Clone, Copy)]
pub struct ConfigSection<'s> {
    vector: NonNull<sys::ap_conf_vector_t>,
    server: PhantomData<&'s Server>,
}

impl Server {
    /// `<Directory>` sections, those of the main server first.
    pub fn directory_sections(&self) -> Vec<ConfigSection<'_>> {
        self.core().map_or_else(Vec::new, |core| ConfigSection::list(core.sec_dir))
    }

    /// `<Location>` sections, those of the main server first.
    pub fn location_sections(&self) -> Vec<ConfigSection<'_>> {
        self.core().map_or_else(Vec::new, |core| ConfigSection::list(core.sec_url))
    }

    /// `<Files>` and `<If>` outside of all other sections.
    pub fn default_sections(&self) -> Vec<ConfigSection<'_>> {
        NonNull::new(self.record().lookup_defaults)
            .map_or_else(Vec::new, |vector| ConfigSection { vector, server: PhantomData }.inner())
    }

    /// What applies everywhere, before any section.
    pub fn default_section(&self) -> Option<ConfigSection<'_>> {
        // SAFETY: the vector lives as long as the server.
        unsafe { ConfigSection::of(self.record().lookup_defaults) }
    }

    /// DocumentRoot.
    pub fn document_root(&self) -> Option<&[u8]> {
        // SAFETY: NULL or a string that lives as long as the server.
        unsafe { text::bytes(self.core()?.ap_document_root) }
    }

    /// AccessFileName.
    pub fn access_names(&self) -> Vec<&[u8]> {
        // SAFETY: NULL or a string that lives as long as the server.
        let names = self.core().and_then(|core| unsafe { text::bytes(core.access_name) });
        let names = names.unwrap_or(b".htaccess").split(u8::is_ascii_whitespace);
        names.filter(|name| !name.is_empty()).collect()
    }

    fn core(&self) -> Option<&sys::core_server_config> {
        let vector = NonNull::new(self.record().module_config)?;
        // SAFETY: the vector lives as long as the server; the core's entry in that of a server is of this type.
        unsafe {
            sys::ap_get_core_module_config(vector.as_ptr())
                .cast::<sys::core_server_config>()
                .as_ref()
        }
    }
}

impl<'s> ConfigSection<'s> {
    /// What the section itself says; None if httpd has nothing of type `T`.
    pub fn config<T: Config>(&self) -> Option<&'s T> {
        // SAFETY: the vector lives as long as the server, and only `create` and `merge` have put something there.
        unsafe { record::config_in(self.vector.as_ptr()) }
    }

    /// `<Files>` and `<If>` in it.
    pub fn inner(&self) -> Vec<ConfigSection<'s>> {
        self.core().map_or_else(Vec::new, |core| {
            [core.sec_file, core.sec_if].into_iter().flat_map(Self::list).collect()
        })
    }

    /// The directory of a `<Directory>` without wildcards, with a slash at its end.
    pub fn directory(&self) -> Option<&'s [u8]> {
        let core = self.core().filter(|core| core.r.is_null() && core.d_is_fnmatch() == 0)?;
        // SAFETY: NULL or a string that lives as long as the section.
        unsafe { text::bytes(core.d) }
    }

    /// Whether it is a `<Directory>` of just this directory (with a slash at its end), by its name or by wildcards.
    pub fn is_of(&self, directory: &[u8]) -> bool {
        let Some(core) = self.core().filter(|core| core.r.is_null() && !core.d.is_null()) else {
            return false;
        };
        let components = directory.iter().filter(|byte| **byte == b'/').count();
        if core.d_components as usize != components {
            return false;
        }
        // SAFETY: two C strings, read during the call; the section's lives as long as it.
        text::with_c_str(directory, |directory| unsafe {
            if core.d_is_fnmatch() == 0 {
                return text::bytes(core.d) == Some(directory.to_bytes());
            }
            sys::apr_fnmatch(core.d, directory.as_ptr(), sys::APR_FNM_PATHNAME as c_int) == 0
        })
    }

    /// Whether it is a `<DirectoryMatch>` whose expression matches.
    pub fn matches(&self, directory: &[u8]) -> bool {
        let regex = self.core().map_or(ptr::null_mut(), |core| core.r);
        let (start, length) = (directory.as_ptr().cast(), directory.len());
        // SAFETY: compiled by httpd; the text is given with its length, and no submatches are asked for.
        !regex.is_null()
            && unsafe { sys::ap_regexec_len(regex, start, length, 0, ptr::null_mut(), 0) == 0 }
    }

    /// Whether .htaccess files may say anything there.
    pub fn allows_overrides(&self) -> bool {
        self.core().is_some_and(|core| {
            core.override_ & !sys::OR_UNSET as sys::overrides_t != 0
                || !core.override_list.is_null()
        })
    }

    /// This with `add` on top.
    pub fn merged<'p>(self, add: ConfigSection<'p>, pool: Pool<'p>) -> ConfigSection<'p>
    where
        's: 'p,
    {
        // SAFETY: both vectors are of directories and live as long as the pool, in which httpd makes the new one.
        unsafe {
            let base = self.vector.as_ptr();
            let vector = sys::ap_merge_per_dir_configs(pool.raw(), base, add.vector.as_ptr());
            ConfigSection::of(vector).unwrap_or(add)
        }
    }

    /// # Safety
    /// `vector` is NULL or the configuration of a directory, which lives for `'s`.
    pub(super) unsafe fn of(vector: *mut sys::ap_conf_vector_t) -> Option<Self> {
        NonNull::new(vector).map(|vector| Self { vector, server: PhantomData })
    }

    pub(super) fn core(&self) -> Option<&'s sys::core_dir_config> {
        // SAFETY: the vector lives for 's; the core's entry in the vector of a section is of this type.
        unsafe {
            sys::ap_get_core_module_config(self.vector.as_ptr())
                .cast::<sys::core_dir_config>()
                .as_ref()
        }
    }

    fn list(sections: *mut sys::apr_array_header_t) -> Vec<ConfigSection<'s>> {
        // SAFETY: called with the core's arrays of sections only, which live as long as the server.
        let vectors = unsafe { array::elements::<*mut sys::ap_conf_vector_t>(sections) };
        let vectors = vectors.iter().filter_map(|&vector| NonNull::new(vector));
        vectors.map(|vector| ConfigSection { vector, server: PhantomData }).collect()
    }
}
