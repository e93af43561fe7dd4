"""What the table of str and bytes says, asked of a real request."""

from urllib.parse import quote

from mod_python import util


def text(req):
    """What httpd knows is str."""
    return f"{type(req.uri).__name__} {type(req.headers_in['Host']).__name__}"


def body(req):
    """What is not text is bytes."""
    return type(req.read()).__name__


def field(req, name):
    """Fields of a form are str, files are bytes."""
    return f"{isinstance(name, str)} {type(req.form['name'].file.read()).__name__}"


def written(req):
    """Both can be written; str goes out as UTF-8."""
    req.content_type = "text/plain; charset=utf-8"
    req.write("Grüße, ")
    req.write("Grüße\n".encode())


def strange(req):
    """A URI that is no UTF-8 is not lost: surrogateescape, both ways."""
    name = req.path_info
    return quote(name.encode("utf-8", "surrogateescape"))


def old(req, colour="none"):
    """`util.FieldStorage` as it always was."""
    return util.FieldStorage(req).getfirst("colour", "none") if req.args else colour
