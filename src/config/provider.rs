//! `PythonAuthnProvider` and `PythonAuthzProvider`: names that other modules' directives use, and the Python objects
//! behind them. As httpd's own register of providers, this one is the process', made anew with each configuration.

use std::sync::{Arc, PoisonError, RwLock};

use crate::apache::auth_provider::{self, Kind};
use crate::apache::pool::Pool;
use crate::config::handlers::{Directory, HandlerEntry};
use crate::config::phase::Phase;

/// `PythonAuthnProvider NAME module::object`, or the same with `Authz`.
#[derive(Debug)]
pub struct Provider {
    pub kind: Kind,
    pub name: Box<[u8]>,
    pub handler: HandlerEntry,
}

static PROVIDERS: RwLock<Vec<Arc<Provider>>> = RwLock::new(Vec::new());

/// The provider that a slot was taken for.
pub fn provider(kind: Kind, slot: usize) -> Option<Arc<Provider>> {
    let providers = PROVIDERS.read().unwrap_or_else(PoisonError::into_inner);
    providers.iter().filter(|provider| provider.kind == kind).nth(slot).cloned()
}

/// Every provider: the directive and its handler.
pub(super) fn all() -> Vec<(String, HandlerEntry)> {
    let providers = PROVIDERS.read().unwrap_or_else(PoisonError::into_inner);
    let directive =
        |kind| if kind == Kind::Authn { "PythonAuthnProvider" } else { "PythonAuthzProvider" };
    providers
        .iter()
        .map(|provider| (directive(provider.kind).to_owned(), provider.handler.clone()))
        .collect()
}

/// Enters a provider, here and with httpd, for as long as `pool`.
pub(super) fn enter(pool: Pool<'_>, kind: Kind, name: &[u8], text: &[u8]) -> Result<(), String> {
    let phase = if kind == Kind::Authn { Phase::Authen } else { Phase::Authz };
    let handler = HandlerEntry::new(text, phase, Directory::None);
    if !handler.names_object() {
        return Err("MP0027: the provider must be given as module::object".to_owned());
    }
    let mut providers = PROVIDERS.write().unwrap_or_else(PoisonError::into_inner);
    let slot = providers.iter().filter(|provider| provider.kind == kind).count();
    auth_provider::register(pool, kind, name, slot).map_err(|error| error.to_string())?;
    if providers.is_empty() {
        pool.on_end(|| PROVIDERS.write().unwrap_or_else(PoisonError::into_inner).clear());
    }
    providers.push(Arc::new(Provider { kind, name: name.into(), handler }));
    Ok(())
}
