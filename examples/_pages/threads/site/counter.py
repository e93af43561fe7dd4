import threading

import pool
from mod_python import apache

lock = threading.Lock()
count = 0


def handler(req):
    global count
    with lock:  # another thread may be in between
        count += 1
        number = count
    pool.work.put(req.uri)  # what the request knows, not the request itself
    req.write(f"{number}\n")
    return apache.OK
