from mod_python import apache


class Cart:
    """Made anew for each request, with the request."""

    def __init__(self, req):
        self.req = req

    def show(self, req):
        req.write("an empty cart\n")
        return apache.OK
