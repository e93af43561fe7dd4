"""What the publisher publishes."""


def index():
    return "the index"


def add(one, other="5"):
    return f"{int(one) + int(other)}"


class Shelf:
    def __init__(self):
        self.book = "a book"

    def read(self, page):
        return f"page {page}"


shelf = Shelf()
