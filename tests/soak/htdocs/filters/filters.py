"""Filters in capitals, both ways, around an echo."""

from mod_python import apache


def upper(stream):
    while data := stream.read():
        stream.write(data.upper())
    if data is None:
        stream.close()


def count(stream):
    """Puts the number of bytes in the place of the body."""
    total = getattr(stream.req, "total", 0)
    while data := stream.read():
        total += len(data)
    stream.req.total = total
    if data is None:
        stream.write(str(total))
        stream.close()


def handler(req):
    req.content_type = "text/plain"
    while piece := req.read(7000):
        req.write(piece, 0)
    return apache.OK
