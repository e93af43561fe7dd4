from mod_python import apache

UNWANTED = {"192.0.2.1"}


def preconnectionhandler(connection):
    return apache.DECLINED if connection.client_ip not in UNWANTED else apache.HTTP_FORBIDDEN
