"""A handler for each phase, which notes that it was called."""

from mod_python import apache


def note(req):
    req.headers_out.add("X-Phases", req.phase)
    return apache.DECLINED


quickhandler = postreadrequesthandler = transhandler = maptostoragehandler = inithandler = note
headerparserhandler = accesshandler = typehandler = fixuphandler = note


def loghandler(req):
    req.log_error(f"{req.uri} was answered with {req.status}", apache.APLOG_NOTICE)
    return apache.OK


def cleanuphandler(req):
    req.log_error(f"{req.uri} is over", apache.APLOG_NOTICE)
    return apache.OK
