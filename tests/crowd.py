"""Sixteen clients at once, each with a connection of its own that it keeps as long as the server does."""

import concurrent.futures
import http.client

CLIENTS = 16


def crowd(site, talk, clients=CLIENTS):
    """Call `talk(ask, number)` in each client's thread, with `ask(method, path, …)`; what all of them returned, in order.

    An exception of one, a failed assertion too, is raised here.
    """

    def client(number):
        with site.connection() as connection:

            def ask(*request, **options):
                try:
                    return site.ask(connection, *request, **options)
                except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                    # httpd may close a kept connection at any time.
                    connection.close()
                    return site.ask(connection, *request, **options)

            return talk(ask, number)

    with concurrent.futures.ThreadPoolExecutor(clients) as threads:
        return list(threads.map(client, range(clients)))
