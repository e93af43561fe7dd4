from mod_python import apache


def fixuphandler(req):
    if len(req.args or "") > 1000:
        return apache.HTTP_REQUEST_URI_TOO_LARGE
    req.tenant = req.hostname  # later handlers of this request see it
    req.add_handler("PythonLogHandler", record)
    return apache.OK


def record(req):
    req.log_error(f"{req.tenant}: {req.bytes_sent} bytes", apache.APLOG_NOTICE)
    return apache.OK
