"""A WSGI application."""

import hashlib


def application(environ, start_response):
    return globals()[environ["PATH_INFO"].strip("/")](environ, start_response)


def begin(start_response, *headers):
    return start_response("200 OK", [("Content-Type", "text/plain"), *headers])


def hello(environ, start_response):
    begin(start_response)
    return [f"hello {environ['QUERY_STRING']}".encode()]


def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    begin(start_response)
    return [hashlib.sha256(body).hexdigest().encode()]


def half(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]) // 2)
    begin(start_response)
    return [hashlib.sha256(body).hexdigest().encode()]


def pieces(environ, start_response):
    begin(start_response)
    for number in range(int(environ["QUERY_STRING"])):
        yield f"{number},".encode()


def written(environ, start_response):
    write = begin(start_response)
    write(b"written ")
    return [environ["QUERY_STRING"].encode()]
