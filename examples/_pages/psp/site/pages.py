from mod_python import apache, psp


def handler(req):
    psp.PSP(req, filename="/srv/www/site/page.psp", vars={"title": "Books"}).run()
    return apache.OK
