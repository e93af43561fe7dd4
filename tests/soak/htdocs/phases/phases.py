"""A handler for every phase, each leaving its name."""

from mod_python import apache


def leave(req):
    if not hasattr(req, "trail"):
        req.trail = []
    req.trail.append(req.phase.removeprefix("Python").removesuffix("Handler"))
    return apache.OK


postreadrequesthandler = inithandler = headerparserhandler = accesshandler = authzhandler = fixuphandler = leave
loghandler = cleanuphandler = leave


def decline(req):
    return apache.DECLINED


transhandler = quickhandler = maptostoragehandler = decline


def authenhandler(req):
    req.user = "visitor"
    return leave(req)


def typehandler(req):
    req.content_type = "text/x-phases"
    return leave(req)


def handler(req):
    leave(req)
    req.write(" ".join(req.trail) + f" {req.args}")
    return apache.OK
