"""The locks that all child processes share: `_apache._global_lock` and its like."""

import os
import signal

import pytest

from httpd import wait_until

LOCKS = """
    import _apache
    import os
    import time

    def take(req):
        for number in range(40):
            _apache._global_lock(req.server, f"key {number}")
            _apache._global_unlock(req.server, f"key {number}")
        _apache._global_lock(req.server, None, 0)
        _apache._global_unlock(req.server, None, 0)
        return "taken"

    def keep(req):
        _apache._global_lock(req.server, "kept")
        return os.getpid()

    def held(req):
        free = _apache._global_trylock(req.server, "kept")
        if free:
            _apache._global_unlock(req.server, "kept")
        return not free
"""


@pytest.mark.threads_and_processes
@pytest.mark.parametrize("count", ["0", "1", "-5", "many", "8"])
def test_locks_of_any_count(httpd, count):
    site = httpd(functions=LOCKS, server=f"PythonOption mod_python.mutex_locks {count}\n", threads=1)
    assert site.call("take") == "taken"


# Under event a child goes on when it alone is told to end.
def test_locks_outlive_a_holder_that_is_killed(httpd):
    site = httpd(mpm="prefork", functions=LOCKS, children=2)
    holder = site.call("keep")
    others = []
    wait_until(lambda: others.append(site.call("held")) or True in others, "another child's word")
    os.kill(holder, signal.SIGTERM)
    wait_until(lambda: holder not in site.child_pids(), "the end of the holder")
    wait_until(lambda: not site.call("held"), "the lock being free")
    assert site.call("take") == "taken"


@pytest.mark.every_mpm
def test_what_is_locked_and_by_whom(httpd):
    site = httpd(
        functions="""
            import _apache
            import threading

            def elsewhere(act, *arguments):
                seen = []
                thread = threading.Thread(target=lambda: seen.append(act(*arguments)))
                thread.start()
                thread.join()
                return seen[0]

            def locks(req):
                server = req.server
                answer = []
                _apache._global_lock(server, "key")
                # Not again by its owner, nor by another thread; by number and by key they are different locks.
                answer.append(_apache._global_trylock(server, "key"))
                answer.append(elsewhere(_apache._global_trylock, server, "key"))
                answer.append(_apache._global_trylock(server, None, 1))
                _apache._global_unlock(server, None, 1)
                _apache._global_unlock(server, "key")
                answer.append(_apache._global_trylock(server, "key"))
                _apache._global_unlock(server, "key")
                return answer

            def refused(req):
                answer = []
                for act in (lambda: _apache._global_lock(5, "key"), lambda: _apache._global_lock(req.server, []),
                            lambda: _apache._global_trylock(None, "key"), lambda: _apache._global_unlock(req.server, {}),
                            lambda: _apache._global_unlock(req.server, "never locked"), lambda: _apache._global_lock()):
                    try:
                        answer.append(act())
                    except (TypeError, ValueError) as error:
                        answer.append(type(error).__name__)
                return answer
        """
    )
    assert site.call("locks") == [False, False, True, True]
    assert site.call("refused") == ["TypeError", "TypeError", "TypeError", "TypeError", "ValueError", "TypeError"]
    assert site.call("locks") == [False, False, True, True]


@pytest.mark.every_mpm
def test_one_at_a_time(httpd):
    """Whoever waits for a lock keeps nobody from Python, and counts what the others have counted, in whatever process."""
    site = httpd(
        functions="""
            import _apache

            def count(req):
                path = req.document_root() + "/../scratch/count"
                for _ in range(20):
                    _apache._global_lock(req.server, "count")
                    try:
                        with open(path) as file:
                            number = int(file.read() or 0)
                        with open(path, "w") as file:
                            file.write(str(number + 1))
                    finally:
                        _apache._global_unlock(req.server, "count")
        """
    )
    (site.scratch / "count").touch()
    (site.scratch / "count").chmod(0o666)
    connections = [site.connection() for _ in range(4)]
    for connection in connections:
        connection.request("GET", "/count")
    assert [connection.getresponse().read() for connection in connections] == [b"None"] * 4
    for connection in connections:
        connection.close()
    assert (site.scratch / "count").read_text() == "80"
