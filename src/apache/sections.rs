//! The sections of a server's configuration, as httpd's core keeps them: what it walks through for each request.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::record::{self, Config};
use super::server::Server;
use super::{array, sys};

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
        // SAFETY: as above; the core's entry in the vector of a section is of this type.
        let core = unsafe {
            sys::ap_get_core_module_config(self.vector.as_ptr())
                .cast::<sys::core_dir_config>()
                .as_ref()
        };
        core.map_or_else(Vec::new, |core| {
            [core.sec_file, core.sec_if].into_iter().flat_map(Self::list).collect()
        })
    }

    fn list(sections: *mut sys::apr_array_header_t) -> Vec<ConfigSection<'s>> {
        // SAFETY: called with the core's arrays of sections only, which live as long as the server.
        let vectors = unsafe { array::elements::<*mut sys::ap_conf_vector_t>(sections) };
        let vectors = vectors.iter().filter_map(|&vector| NonNull::new(vector));
        vectors.map(|vector| ConfigSection { vector, server: PhantomData }).collect()
    }
}
