from mod_python import apache


def handler(req):
    import preload

    req.content_type = "text/plain"
    req.write(f"{len(preload.shelf)} for {req.get_options()['shop.currency']}, in {req.interpreter}\n")
    return apache.OK
