"""One that knows what it is and when it was changed, and leaves it to httpd whether the client needs it."""

from typing import NamedTuple

from mod_python import apache


class Article(NamedTuple):
    text: str
    revision: int
    changed: int


def handler(req):
    article = Article("Warm the pot first.\n", revision=7, changed=1_700_000_000)
    req.content_type = "text/plain; charset=utf-8"
    req.update_mtime(article.changed)  # seconds since 1970
    req.set_last_modified()
    req.headers_out["ETag"] = f'"{article.revision}"'
    result = req.meets_conditions()
    if result != apache.OK:
        return result  # 304 or 412
    req.write(article.text)
    return apache.OK
