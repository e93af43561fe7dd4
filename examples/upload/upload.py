"""Files that visitors send: a form, a list of what was sent, and each file to be had back.

What a visitor says about a file, its name and its type, is shown and sent back, but never used to find or to open anything.
"""

import html
import json
import os
import pathlib
import re
import secrets
import shutil
import stat
import time
from urllib.parse import quote

from mod_python import apache, util

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Uploads</title>
<link rel="stylesheet" href="/style.css">
<h1>Uploads</h1>
<nav><a href="/">All examples</a></nav>
<form method="post" action="/upload/" enctype="multipart/form-data">
  <label for="file">Files, 20 MB at most</label>
  <input id="file" name="file" type="file" multiple required>
  <label for="note">A note</label>
  <input id="note" name="note">
  <button>Send</button>
</form>
<table>
  <tr><th>File</th><th>Size</th><th>Sent</th><th>Note</th></tr>
  {rows}
</table>
</html>
"""
ROW = '<tr><td><a href="/upload/{key}">{name}</a></td><td>{size:,} bytes</td><td>{sent}</td><td>{note}</td></tr>'
# The name that a file has here: nothing else is ever looked for.
KEY = re.compile(r"[0-9a-f]{32}")
# What a browser may show. Anything else, HTML above all, could run scripts as a page of this site: it is only saved.
SHOWN = {"image/gif", "image/jpeg", "image/png", "image/webp"}
MOST = 100


def handler(req):
    if req.method not in ("GET", "HEAD", "POST"):
        req.allow_methods(["GET", "HEAD", "POST"])
        return apache.HTTP_METHOD_NOT_ALLOWED
    directory = own_directory(req.get_options()["upload.directory"])
    if req.method == "POST":
        receive(req, directory)
        util.redirect(req, "/upload/")
    key = req.uri.removeprefix("/upload/")
    if key:
        return send(req, directory, key)
    rows = [ROW.format(**shown(upload)) for upload in uploads(directory)]
    req.content_type = "text/html; charset=utf-8"
    req.write(PAGE.format(rows="\n  ".join(rows)))
    return apache.OK


def receive(req, directory):
    form = util.FieldStorage(req)
    note = form.getfirst("note", "")
    for field in form.getlist("file"):
        if field.filename:
            keep(directory, field, note)
    for old in uploads(directory)[MOST:]:
        for name in (old["key"] + ".json", old["key"]):
            pathlib.Path(directory, name).unlink(missing_ok=True)


def keep(directory, field, note):
    """The content under a name of our own, then what is known of it, by which the list finds it."""
    key = secrets.token_hex(16)
    with open(os.path.join(directory, key), "xb") as file:
        shutil.copyfileobj(field.file, file)
    # Browsers of old send a path of the visitor's disk.
    name = re.split(r"[/\\]", field.filename)[-1] or "nameless"
    known = {"name": name, "type": field.type, "note": note, "size": os.path.getsize(file.name), "sent": time.time()}
    with open(os.path.join(directory, key + ".json"), "x") as file:
        json.dump(known, file)


def uploads(directory):
    """What is known of each upload, the newest first."""
    found = []
    for entry in os.scandir(directory):
        key, extension = os.path.splitext(entry.name)
        if extension == ".json":
            try:
                with open(entry.path) as file:
                    found.append({"key": key, **json.load(file)})
            except (FileNotFoundError, ValueError):
                pass  # another request is removing it, or writing it
    return sorted(found, key=lambda upload: upload["sent"], reverse=True)


def send(req, directory, key):
    path = os.path.join(directory, key)
    if not KEY.fullmatch(key) or not os.path.exists(path + ".json"):
        return apache.HTTP_NOT_FOUND
    with open(path + ".json") as file:
        known = json.load(file)
    is_shown = known["type"] in SHOWN
    req.content_type = known["type"] if is_shown else "application/octet-stream"
    name = quote(known["name"].encode("utf-8", "replace"), safe="")
    req.headers_out["Content-Disposition"] = f"{'inline' if is_shown else 'attachment'}; filename*=UTF-8''{name}"
    req.headers_out["X-Content-Type-Options"] = "nosniff"
    req.headers_out["Content-Security-Policy"] = "sandbox; default-src 'none'"
    req.sendfile(path)
    return apache.OK


def shown(upload):
    sent = time.strftime("%Y-%m-%d %H:%M", time.localtime(upload["sent"]))
    texts = {name: escaped(upload[name]) for name in ("name", "note")}
    return {"key": upload["key"], "size": upload["size"], "sent": sent, **texts}


def escaped(text):
    """Safe in HTML, whatever the visitor sent; what was no UTF-8 is shown as question marks."""
    return html.escape(text.encode("utf-8", "replace").decode())


def own_directory(path):
    """The directory, made if it is missing. One that somebody else owns or can look into is refused."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        found = os.lstat(path)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PermissionError(f"{path} must be a directory of the server's user, and of nobody else") from None
    return path
