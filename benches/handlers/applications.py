"""The cases of benches/run that are WSGI applications: one source for mod_wsgi and for ours."""

BLOCK = b"x" * (16 * 1024)


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def environ(environ, start_response):
    for key in environ:
        environ[key]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"read" if len(environ) > 30 else b"too little"]


def chunks(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return (BLOCK for _ in range(64))


def upload(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(len(body)).encode()]
