"""A thread of one's own, for as long as the process lives."""

import queue
import threading

from mod_python import apache

work = queue.SimpleQueue()
done = []


def start():
    thread = threading.Thread(target=run, name="worker", daemon=True)
    thread.start()
    apache.register_cleanup(stop, thread)


def run():
    while (item := work.get()) is not None:
        done.append(item)


def stop(thread):
    work.put(None)
    thread.join(2)
