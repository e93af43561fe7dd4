"""A module that is rewritten while it is imported, again and again."""

import collections
import time

SETTLED = 3
"""Seconds after which nobody may see an older version. Those who come while another one is loading it may get the one before."""


class Versions:
    """What is there now is the newest, and may be there in part."""

    def __init__(self, site):
        self.site, self.newest = site, 0
        self.past = collections.deque([(0, 0)])

    @property
    def settled(self):
        """The newest version that everybody must have seen."""
        limit = time.monotonic() - SETTLED
        return max(version for moment, version in [*self.past] if moment <= limit)

    def go_on(self, is_over):
        while not is_over():
            self.newest += 1
            self.site.rewrite(self.newest)
            self.past.append((time.monotonic(), self.newest))
            while len(self.past) > 1 and self.past[1][0] < time.monotonic() - 2 * SETTLED:
                self.past.popleft()
            time.sleep(0.05)
