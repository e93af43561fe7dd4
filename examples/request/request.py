"""A page that shows what `req` knows about the request it answers."""

import html
import time

from mod_python import apache

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>What req knows</title>
<link rel="stylesheet" href="/style.css">
<nav><a href="/">All examples</a></nav>
<h1>What <code>req</code> knows</h1>
{sections}
</html>
"""
# Cookies and passwords are nobody's business, not even in an example.
SECRET = {"authorization", "cookie", "proxy-authorization"}


def accesshandler(req):
    req.notes["access"] = f"passed by the access handler at {time.strftime('%H:%M:%S')}"
    return apache.OK


def handler(req):
    req.add_common_vars()
    tables = {
        "req.headers_in": req.headers_in,
        "req.headers_out": req.headers_out,
        "req.notes": req.notes,
        "req.subprocess_env": req.subprocess_env,
        "req.get_options()": req.get_options(),
        "req.get_config()": req.get_config(),
    }
    sections = [section("req", attributes(req)), section("req.finfo", attributes(req.finfo))]
    sections += [section(title, shown(table)) for title, table in tables.items()]
    sections += [section("req.connection", attributes(req.connection)), section("req.server", attributes(req.server))]
    req.content_type = "text/html; charset=utf-8"
    req.write(PAGE.format(sections="\n".join(sections)).encode("utf-8", "backslashreplace"))
    return apache.OK


def attributes(thing):
    """Names and values of the attributes, without methods and without the tables, which are shown by themselves."""
    rows = []
    for name in dir(thing):
        if name.startswith("_") or name in ("remote_addr", "remote_ip"):
            continue
        value = getattr(thing, name)
        if not callable(value) and not isinstance(value, apache.table):
            rows.append((name, repr(value)))
    return rows


def shown(table):
    return [
        (name, "(hidden)" if name.lower().removeprefix("http_").replace("_", "-") in SECRET else value)
        for name, value in table.items()
    ]


def section(title, rows):
    body = "\n".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>" for name, value in rows)
    return f"<h2>{html.escape(title)}</h2>\n<table>\n{body}\n</table>"
