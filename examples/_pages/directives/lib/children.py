from mod_python import apache


def childinithandler(server):
    server.log_error("a child has begun", apache.APLOG_NOTICE)


def childexithandler(server):
    server.log_error("a child ends", apache.APLOG_NOTICE)
