//! The phases in which a Python handler can run: one row each. What a row means is `crate::handlers`' to say.

use std::ffi::CStr;

use crate::apache::status::Status;

use Continuation::{Declined, Never, Ok, OkOrDeclined};

/// A directive that names handlers. The variants' order is the table's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Phase {
    PostReadRequest,
    Init,
    Trans,
    HeaderParser,
    Access,
    Authen,
    Authz,
    Type,
    Fixup,
    Handler,
    Log,
    Cleanup,
    Connection,
    Quick,
    MapToStorage,
    PreConnection,
    ChildInit,
    ChildExit,
    InputFilter,
    OutputFilter,
}

/// After which results the next handler of a list is asked; any other result stops the list and is the phase's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuation {
    OkOrDeclined,
    Declined,
    Ok,
    /// Only one handler is ever called.
    Never,
}

#[derive(Debug)]
pub struct Row {
    pub phase: Phase,
    /// The directive, which is also what `req.phase` shows.
    pub directive: &'static CStr,
    /// The object to call when a handler has no `::object`.
    pub object: &'static str,
    /// Whether `| .ext` is understood: before translation no request has a file name.
    pub extensions: bool,
    /// Whether `@early` and `@late` are understood: other modules take part in the phase.
    pub turns: bool,
    pub continuation: Continuation,
}

pub static PHASES: [Row; 20] = [
    row(
        Phase::PostReadRequest,
        c"PythonPostReadRequestHandler",
        "postreadrequesthandler",
        OkOrDeclined,
    )
    .no_extensions()
    .turns(),
    row(Phase::Init, c"PythonInitHandler", "inithandler", OkOrDeclined),
    row(Phase::Trans, c"PythonTransHandler", "transhandler", Declined).no_extensions().turns(),
    row(Phase::HeaderParser, c"PythonHeaderParserHandler", "headerparserhandler", OkOrDeclined)
        .turns(),
    row(Phase::Access, c"PythonAccessHandler", "accesshandler", OkOrDeclined).turns(),
    row(Phase::Authen, c"PythonAuthenHandler", "authenhandler", Declined).turns(),
    row(Phase::Authz, c"PythonAuthzHandler", "authzhandler", Declined).turns(),
    row(Phase::Type, c"PythonTypeHandler", "typehandler", Declined).turns(),
    row(Phase::Fixup, c"PythonFixupHandler", "fixuphandler", OkOrDeclined).turns(),
    row(Phase::Handler, c"PythonHandler", "handler", Ok),
    row(Phase::Log, c"PythonLogHandler", "loghandler", OkOrDeclined).turns(),
    row(Phase::Cleanup, c"PythonCleanupHandler", "cleanuphandler", Ok),
    row(Phase::Connection, c"PythonConnectionHandler", "connectionhandler", Never),
    row(Phase::Quick, c"PythonQuickHandler", "quickhandler", Declined).no_extensions().turns(),
    row(Phase::MapToStorage, c"PythonMapToStorageHandler", "maptostoragehandler", Declined).turns(),
    row(Phase::PreConnection, c"PythonPreConnectionHandler", "preconnectionhandler", OkOrDeclined),
    row(Phase::ChildInit, c"PythonChildInitHandler", "childinithandler", OkOrDeclined),
    row(Phase::ChildExit, c"PythonChildExitHandler", "childexithandler", OkOrDeclined),
    row(Phase::InputFilter, c"PythonInputFilter", "inputfilter", Never),
    row(Phase::OutputFilter, c"PythonOutputFilter", "outputfilter", Never),
];

/// Phases that keep a handler list; filters are kept by name instead.
pub const LISTED: usize = Phase::InputFilter as usize;

impl Continuation {
    pub fn goes_on_after(self, result: Status) -> bool {
        match self {
            OkOrDeclined => matches!(result, Status::OK | Status::DECLINED),
            Declined => result == Status::DECLINED,
            Ok => result == Status::OK,
            Never => false,
        }
    }
}

impl Phase {
    pub const fn row(self) -> &'static Row {
        &PHASES[self as usize]
    }

    pub const fn directive(self) -> &'static CStr {
        self.row().directive
    }

    pub const fn default_object(self) -> &'static str {
        self.row().object
    }

    /// The phase of a directive's name, in the directive's own spelling.
    pub fn named(directive: &[u8]) -> Option<Phase> {
        PHASES.iter().find(|row| row.directive.to_bytes() == directive).map(|row| row.phase)
    }

    /// The phases of one request that mod_python has always had, in the table's order: all that `PythonHandlerModule` stands
    /// for, and that handlers can be added to. The later ones are asked of every request, so each has to be named.
    pub fn of_request() -> impl Iterator<Item = Phase> {
        PHASES[..Phase::Connection as usize].iter().map(|row| row.phase)
    }

    /// Whether the phase comes before any section but the server's own is known.
    pub const fn is_server_level(self) -> bool {
        matches!(
            self,
            Phase::PostReadRequest
                | Phase::Trans
                | Phase::Connection
                | Phase::Quick
                | Phase::MapToStorage
                | Phase::PreConnection
                | Phase::ChildInit
                | Phase::ChildExit
        )
    }
}

const fn row(
    phase: Phase,
    directive: &'static CStr,
    object: &'static str,
    continuation: Continuation,
) -> Row {
    Row { phase, directive, object, extensions: true, turns: false, continuation }
}

impl Row {
    const fn no_extensions(self) -> Row {
        Row { extensions: false, ..self }
    }

    const fn turns(self) -> Row {
        Row { turns: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_variants() {
        for (index, row) in PHASES.iter().enumerate() {
            assert_eq!(row.phase as usize, index);
            assert_eq!(row.phase.row().directive, row.directive);
        }
    }

    #[test]
    fn the_default_object_is_the_directive_without_python_in_lower_case() {
        for row in &PHASES {
            let name = row.directive.to_str().unwrap().strip_prefix("Python").unwrap();
            assert_eq!(row.object, name.to_lowercase());
        }
    }

    #[test]
    fn a_phase_is_found_by_its_directive() {
        assert_eq!(Phase::named(b"PythonHandler"), Some(Phase::Handler));
        assert_eq!(Phase::named(b"pythonhandler"), None);
        assert_eq!(Phase::of_request().count(), 12);
    }
}
