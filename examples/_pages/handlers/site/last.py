from mod_python import apache


def first(req):
    if req.args == "gone":
        raise apache.SERVER_RETURN(apache.HTTP_GONE)
    req.write("first, ")
    return apache.OK


def second(req):
    req.write("second\n")
    return apache.OK
