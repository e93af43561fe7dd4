shelf = []


def fill():
    shelf.append("a book")
