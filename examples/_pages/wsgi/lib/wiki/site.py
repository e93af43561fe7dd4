def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"wiki: {environ['SCRIPT_NAME']} {environ['PATH_INFO']}\n".encode()]
