//! `PythonWSGIAlias`: URIs that lead to an application, whatever files there are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;

use super::serve::Service;
use crate::apache::hook::{Hooks, Order, Position, RequestHook};
use crate::apache::log::{self, Level, Target};
use crate::apache::pool::Pool;
use crate::apache::request::Request;
use crate::apache::server::Server;
use crate::apache::status::Status;
use crate::config::mount::Mount;
use crate::config::server::ServerSection;
use crate::config::settings::{Event, MAIN_INTERPRETER, Settings};
use crate::objects::native;
use crate::objects::report::Report;
use crate::objects::request_state::RequestState;
use crate::objects::resolve::Handler;
use crate::objects::settings_of;
use crate::python::home;
use crate::python::interpreter;

/// The content handler of mounted applications: a SetHandler for a part of their URIs takes that part away.
const HANDLER: &[u8] = b"python-wsgi";

pub fn register(hooks: Hooks<'_>) {
    hooks.check_config(check, Order::MIDDLE);
    // An Alias within an application's URIs leads to its files.
    let after_aliases = Order::MIDDLE.after(&[c"mod_alias.c", c"mod_rewrite.c"]);
    hooks.request_if(RequestHook::TranslateName, has_mounts, translate, after_aliases);
    hooks.request_if(RequestHook::MapToStorage, has_mounts, map_to_storage, Order::MIDDLE);
    let first = Order::at(Position::First);
    hooks.request_if(RequestHook::Handler, has_mounts, content_handler, first);
}

fn has_mounts(request: Request<'_>) -> bool {
    request.server().config::<ServerSection>().is_some_and(|section| !section.mounts().is_empty())
}

/// Refuses to start with an environment that Python could not use.
fn check(_pconf: Pool<'_>, _plog: Pool<'_>, _ptemp: Pool<'_>, main: Server) -> Status {
    let mut homes = Homes::new();
    for server in std::iter::successors(Some(main), Server::next) {
        let Some(section) = server.config::<ServerSection>() else { continue };
        if let Err(sentence) = check_server(section, &mut homes) {
            log::log(Target::Server(main), Level::Crit, sentence.as_bytes());
            return Status::INTERNAL_SERVER_ERROR;
        }
    }
    Status::OK
}

/// The environment of each interpreter, and whose wish it is.
type Homes = HashMap<Vec<u8>, (PathBuf, String)>;

fn check_server(section: &ServerSection, homes: &mut Homes) -> Result<(), String> {
    if let Some(home) = section.home() {
        home::check(home).map_err(|error| format!("MP0031: PythonHome: {error}"))?;
    }
    for mount in section.mounts() {
        let Some(home) = &mount.home else { continue };
        match home::check(home) {
            Ok(home::Kind::Virtual) => {}
            Ok(home::Kind::Installation) => {
                let home = home.display();
                return Err(format!(
                    "MP0206: {}: home={home} is no virtual environment",
                    mount.name
                ));
            }
            Err(error) => return Err(format!("MP0217: {}: home={error}", mount.name)),
        }
        let name = interpreter_name(Settings::of(section.section()), mount, None).into_owned();
        let (known, other) =
            homes.entry(name.clone()).or_insert_with(|| (home.clone(), mount.name.clone()));
        if known != home {
            let name = String::from_utf8_lossy(&name);
            return Err(format!(
                "MP0207: {}: home={} cannot be in the interpreter {name}, which has {} ({other}): give one of them interpreter=",
                mount.name,
                home.display(),
                known.display(),
            ));
        }
    }
    Ok(())
}

fn interpreter_name<'a>(
    settings: Settings<'a>,
    mount: &'a Mount,
    request: Option<Request<'a>>,
) -> Cow<'a, [u8]> {
    if let Some(name) = &mount.interpreter {
        return Cow::Borrowed(name);
    }
    let event = Event::Request {
        filename: request.and_then(Request::filename),
        is_directory: request.is_some_and(Request::is_directory),
    };
    settings.interpreter(event, None, MAIN_INTERPRETER)
}

fn translate(request: Request<'_>) -> Status {
    let (server, uri) = (request.server(), request.uri().unwrap_or_default());
    let Some(section) = server.config::<ServerSection>() else { return Status::DECLINED };
    if request.proxyreq() != 0 || !uri.starts_with(b"/") {
        return Status::DECLINED;
    }
    let Some(mount) = section.mount(uri) else { return Status::DECLINED };
    request.set_handler(Some(HANDLER));
    let filename = match &mount.script {
        Some(script) => [script, &uri[mount.path.len()..]].concat(),
        None => [b"wsgi:", mount.entry.text()].concat(),
    };
    request.set_filename(Some(&filename));
    Status::OK
}

/// A module is no file: directory sections and .htaccess files are not looked for.
fn map_to_storage(request: Request<'_>) -> Status {
    let is_module = request.handler() == Some(HANDLER)
        && request.filename().is_some_and(|name| name.starts_with(b"wsgi:"));
    if is_module { Status::OK } else { Status::DECLINED }
}

fn content_handler(request: Request<'_>) -> Status {
    if request.handler() != Some(HANDLER) {
        return Status::DECLINED;
    }
    let (server, uri) = (request.server(), request.uri().unwrap_or_default());
    let Some(section) = server.config::<ServerSection>() else { return Status::DECLINED };
    let (Some(mount), Some(settings)) = (section.mount(uri), settings_of(request)) else {
        return Status::DECLINED;
    };
    if let Some(script) = mount.script.as_deref().filter(|_| !request.is_regular_file()) {
        let line =
            format!("MP0208: {}: there is no file {}", mount.name, String::from_utf8_lossy(script));
        log::log(Target::Request(request), Level::Error, line.as_bytes());
        return Status::NOT_FOUND;
    }
    serve(request, mount, settings)
}

fn serve(request: Request<'_>, mount: &Mount, settings: Settings<'_>) -> Status {
    let name = interpreter_name(settings, mount, Some(request));
    let interpreter = match interpreter::named(&name, native::prepare) {
        Ok(interpreter) => interpreter,
        Err(error) => {
            Report::unavailable(mount.name.clone(), &error).log(Target::Request(request));
            return Status::INTERNAL_SERVER_ERROR;
        }
    };
    let state = RequestState::of(request);
    let service = Service {
        request,
        state,
        handler: Handler {
            entry: &mount.entry,
            directory: None,
            settings,
            looked_at: Some(&state.looked_at),
        },
        interpreter,
        home: mount.home.as_deref(),
        base: mount.path.len(),
        name: &mount.name,
        is_optional: false,
    };
    service.run()
}
