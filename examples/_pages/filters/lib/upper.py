def outputfilter(filter):
    while text := filter.read():  # b"" where nothing more has come yet
        filter.write(text.upper())
    if text is None:  # the end of the response
        filter.close()
