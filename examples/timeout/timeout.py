"""A search that may last: it tells what it has found when PythonTimeout interrupts it."""

import itertools

from mod_python import apache


def primes():
    for number in itertools.count(2):
        if all(number % divisor for divisor in range(2, number)):
            yield number


def handler(req):
    """/timeout/?5000 looks for so many primes."""
    req.content_type = "text/plain; charset=utf-8"
    wanted = int(req.args) if req.args and req.args.isdecimal() else 100
    found = []
    try:
        for prime in itertools.islice(primes(), wanted):
            found.append(prime)
    except apache.RequestTimeout:
        req.write("not all: ")
    req.write(f"{len(found)} primes\n")
    return apache.OK
