"""A filter in capitals, the configuration that puts it in force, and sites whose handler adds a filter by itself."""

import textwrap

UPPER = """
    from mod_python import apache

    def outputfilter(filter):
        data = filter.read()
        while data:
            filter.write(data.upper())
            data = filter.read()
        if data is None:
            filter.close()

    inputfilter = outputfilter

    def handler(req):
        req.content_type = "text/plain"
        if req.method == "POST":
            req.write(req.read())
        else:
            req.write("some text\\n")
            req.write("and more\\n", 0)
        return apache.OK
"""

PASSING = """
    def passing(filter):
        data = filter.read()
        while data:
            filter.write(data)
            data = filter.read()
        if data is None:
            filter.close()
"""


OUTPUT = """
    SetHandler mod_python
    PythonHandler app
    PythonOutputFilter app UPPER
    SetOutputFilter UPPER
"""


INPUT = """
    SetHandler mod_python
    PythonHandler app
    PythonInputFilter app UPPER
    SetInputFilter UPPER
"""


FUNCTIONS = """
    import io

    def handler(req):
        req.content_type = "text/plain"
        req.register_output_filter("own", "app::" + req.args)
        req.add_output_filter("own")
        for part in ("one\\n", "two\\nthree"):
            req.write(part, 0)
        return 0
"""


def dynamic(httpd, functions, **options):
    return httpd(handler=textwrap.dedent(FUNCTIONS) + textwrap.dedent(functions), **options)
