import csv

from mod_python import apache


def handler(req):
    if req.method not in ("GET", "HEAD"):
        req.allow_methods(["GET", "HEAD"])
        return apache.HTTP_METHOD_NOT_ALLOWED
    req.content_type = "text/csv; charset=utf-8"
    req.headers_out["Content-Disposition"] = 'attachment; filename="report.csv"'
    rows = csv.writer(req)
    rows.writerow(["name", "count"])
    rows.writerows([["tea", 3], ["coffee", 5]])
    return apache.OK
