"""Large forms: ten thousand fields, and an upload of a gigabyte in flat memory."""

import pathlib
import re

from form_body import BOUNDARY, URLENCODED, multipart, multipart_headers, part

MIB = 1024 * 1024


def test_ten_thousand_fields(httpd):
    site = httpd(
        functions="""
            from mod_python import util

            def count(req):
                form = util.FieldStorage(req)
                assert all(form[name] == name[1:] for name in form)
                return len(form), len(form.list), form.keys()[-1]
        """
    )
    names = [f"n{number}" for number in range(10_000)]
    body = "&".join(f"{name}={name[1:]}" for name in names)
    assert site.call("count", method="POST", body=body, headers=URLENCODED) == (10_000, 10_000, "n9999")
    parts = multipart(*(part(name, name[1:]) for name in names))
    assert site.call("count", method="POST", **parts) == (10_000, 10_000, "n9999")


def test_a_gigabyte_in_flat_memory(httpd):
    site = httpd(
        functions="""
            import os
            from mod_python import util

            def receive(req):
                form = util.FieldStorage(req)
                file = form["file"].file
                head = file.read(10)
                file.seek(-10, os.SEEK_END)
                return head, file.read(), file.tell(), form["after"].value
        """,
        config="SetHandler mod_python\nPythonHandler app\nLimitRequestBody 0\nPythonOption mod_python.form.directory ${scratch}",
        mpm="event",
    )
    small = multipart(part("file", b"x" * 2 * MIB, "f"), part("after", "y"))
    assert site.call("receive", method="POST", **small)[2:] == (2 * MIB, "y")
    (child,) = site.child_pids()
    before = peak(child)
    whole, after = part("file", b"", "f"), part("after", "last")
    head, end = whole[:-2] + b"FIRST.....", b"......LAST\r\n" + after + f"--{BOUNDARY}--\r\n".encode()
    block = bytes(MIB)
    length = len(head) + 1024 * MIB + len(end)
    lines = ["POST /receive HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {length}"]
    lines += [f"Content-Type: {multipart_headers()['Content-Type']}", "", ""]
    with site.socket() as connection:
        connection.sendall("\r\n".join(lines).encode() + head)
        for _ in range(1024):
            connection.sendall(block)
        connection.sendall(end)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert ascii((b"FIRST.....", b"......LAST", 1024 * MIB + 20, "last")).encode() in answer
    assert peak(child) - before < 8 * MIB


def peak(pid):
    """The most memory that the process has had so far, bytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
