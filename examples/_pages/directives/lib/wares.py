from mod_python import apache


def accesshandler(req):
    return apache.OK if req.method == "GET" else apache.HTTP_METHOD_NOT_ALLOWED


def handler(req):
    req.write("a page\n")
    return apache.OK
