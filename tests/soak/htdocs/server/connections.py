"""Handlers of connections: one has its port for itself, the others see all that connect."""

from mod_python import apache


def preconnectionhandler(conn):
    conn.notes["met"] = "yes"
    return apache.OK


def connectionhandler(conn):
    """Sends every line back in capitals."""
    while True:
        try:
            line = conn.readline()
        except OSError:
            return apache.OK
        conn.write(line.upper())
