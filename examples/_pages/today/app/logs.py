import logging

from mod_python import apache

logging.getLogger().addHandler(apache.LogHandler())
logging.getLogger().setLevel(1)  # LogLevel python:debug decides


def handler(req):
    logging.getLogger("shop").warning("only %d left", 3)
    req.write("logged\n")
    return apache.OK
