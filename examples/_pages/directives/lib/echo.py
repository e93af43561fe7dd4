from mod_python import apache


def connectionhandler(connection):
    while True:
        try:
            connection.write(connection.readline())
        except OSError:  # the client has closed the connection
            return apache.OK
