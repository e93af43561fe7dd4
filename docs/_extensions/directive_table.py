"""`{httpd-directive} PythonDebug`: what the table of directives says of one, as the manual of httpd shows it."""

import re
from typing import ClassVar

from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

import sources

CONTEXTS = {
    "SERVER": ("server config, virtual host", None),
    "SERVER_AND_SECTIONS": ("server config, virtual host, directory", None),
    "EVERYWHERE": ("server config, virtual host, directory, .htaccess", "any but `None`"),
}


class HttpdDirective(SphinxDirective):
    required_arguments = 1
    option_spec: ClassVar = {"arguments": directives.unchanged_required, "default": directives.unchanged_required}

    def run(self):
        name = self.arguments[0]
        row = sources.directives().get(name)
        if row is None:
            raise self.error(f"src/config/directives.rs has no directive {name}")
        self.env.note_dependency(str(sources.PROJECT / "src/config/directives.rs"))
        context, override = CONTEXTS[row.contexts]
        phase = sources.phases().get(name)
        fields = {
            "Description": (words := re.sub(r"^\[.*?\] ", "", row.help))[0].upper() + words[1:],
            "Syntax": f"`{name} {self.syntax(row, phase)}`",
            "Default": f"`{name} {self.default(name)}`" if self.default(name) else "none",
            "Context": context,
        }
        if override:
            fields["Override"] = override
        if phase:
            fields["Object"] = f"`{phase.object}`, where the handler names none"
        lines = ["| | |", "|---|---|", *(f"| {field} | {text.replace('|', chr(92) + '|')} |" for field, text in fields.items())]
        return self.parse_text_to_nodes("\n".join(lines))

    def syntax(self, row, phase):
        if "arguments" in self.options:
            return self.options["arguments"]
        if row.arguments == "Flag":
            return "On|Off"
        if phase is None or row.arguments != "Raw":
            raise self.error(f"{row.name} needs `:arguments:`")
        turns = "[@early|@late] " if phase.has_turns else ""
        extensions = " [| .EXT ...]" if phase.has_extensions and row.recorded_by == "handler_list" else ""
        return f"{turns}HANDLER [HANDLER ...]{extensions}"

    def default(self, name):
        if "default" in self.options:
            return self.options["default"]
        on = sources.flags().get(name)
        return None if on is None else "On" if on else "Off"


def setup(app):
    app.add_directive("httpd-directive", HttpdDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
