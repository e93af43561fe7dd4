from html import escape


def price(req, article, count="1"):
    return f"<html>{escape(count)} of {escape(article)}</html>"
