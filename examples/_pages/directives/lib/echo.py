from mod_python import apache


def connectionhandler(connection):
    while line := connection.readline():
        connection.write(line)
    return apache.OK
