TABLE = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    b"NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm",
)


def inputfilter(filter):
    while text := filter.read():
        filter.write(text.translate(TABLE))
    if text is None:
        filter.close()
