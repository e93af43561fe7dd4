from mod_python import apache


def handler(req):
    req.content_type = "text/plain"
    body = req.read()
    req.register_output_filter("BRACKETS", brackets)
    req.add_output_filter("BRACKETS")
    req.write(body)
    return apache.OK


def brackets(filter):
    """For this request only."""
    while text := filter.read():
        filter.write(b"[" + text + b"]")
    if text is None:
        filter.close()
