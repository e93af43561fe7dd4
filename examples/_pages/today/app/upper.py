def outputfilter(filter):
    while text := filter.read():
        filter.write(text.upper())
    if text is None:
        filter.close()
