"""Bodies of forms as a client sends them."""

BOUNDARY = "----boundary7MA4YWxk"
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def part(name, content, filename=None, content_type=None, boundary=BOUNDARY):
    """One part, from its delimiter to the line end before the next one. A name in bytes is a whole disposition."""
    disposition = f'form-data; name="{name}"'.encode() if isinstance(name, str) else name
    if filename is not None:
        disposition += f'; filename="{filename}"'.encode()
    lines = [f"--{boundary}".encode(), b"Content-Disposition: " + disposition]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}".encode())
    content = content.encode() if isinstance(content, str) else content
    return b"\r\n".join([*lines, b"", content, b""])


def multipart(*parts, boundary=BOUNDARY):
    """The options of a POST of these parts."""
    return {"body": b"".join(parts) + f"--{boundary}--\r\n".encode(), "headers": multipart_headers(boundary)}


def multipart_headers(boundary=BOUNDARY):
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}
