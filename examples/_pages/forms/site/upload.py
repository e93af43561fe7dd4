from mod_python import apache


def handler(req):
    req.write(req.get_options()["mod_python.form.max_size"])
    return apache.OK
