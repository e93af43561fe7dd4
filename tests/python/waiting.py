"""Waiting for other threads: for a condition, or until they wait for what this thread is about to give."""

import sys
import threading
import time

DEADLINE = 30


def until(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the other threads have not come so far"
        time.sleep(0.001)


def until_others_wait(count):
    """Until so many other threads are in code of the package, where nothing but another's work can hold them up."""
    me = threading.get_ident()

    def inside(frame):
        while frame is not None:
            if "/mod_python/" in frame.f_code.co_filename:
                return True
            frame = frame.f_back
        return False

    until(lambda: sum(inside(frame) for thread, frame in sys._current_frames().items() if thread != me) >= count)
