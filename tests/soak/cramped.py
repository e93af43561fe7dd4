"""A server whose children may have little more memory than they have: handlers that allocate without end."""

import http.client

import httpd
from soak.ledger import Wrong
from soak.log import DEATH
from soak.site import HTDOCS

CONFIG = "SetHandler mod_python\nPythonHandler faulty\nPythonPath \"sys.path + ['${docroot}/app']\"\n"


class Cramped:
    def __init__(self, mpm, ledger):
        self.ledger = ledger
        self.site = httpd.Site(
            mpm,
            children=1,
            threads=4,
            config=CONFIG,
            files={"app/faulty.py": (HTDOCS / "app/faulty.py").read_text()},
        )

    def run(self, rounds):
        """What handlers answer that allocate without end, and whether the server serves on."""
        site = self.site.start()
        try:
            for number in range(rounds):
                self.ask(("/app/allocate", "/app/hoard")[number % 2], 500)
                self.ask("/app/program?alive", 200, "ran alive")
        except (OSError, http.client.HTTPException, Wrong) as error:
            self.ledger.fail("cramped", repr(error))
        finally:
            site.stop()
            self.judge_log()
            site.remove()

    def ask(self, path, status, text=None):
        """MemoryError is 500, and what comes next is answered. Where httpd itself is refused memory, it ends its process."""
        gone = self.ended_by_httpd()
        try:
            answer = self.site.get(path)
        except (OSError, http.client.HTTPException):
            if self.ended_by_httpd() == gone:
                raise
            self.ledger.note("memory that ran out: child ended by httpd")
            return
        if answer.status != status or (text is not None and answer.text != text):
            raise Wrong(f"{path} with little memory: {answer.status}")
        self.ledger.note(f"memory that ran out: {status}")
        self.ledger.answered("cramped")

    def ended_by_httpd(self):
        """How often httpd has said so. Its children's standard error is the error log."""
        return self.site.error_log.count("Memory allocation failed, aborting process")

    def judge_log(self):
        bad = [line for line in self.site.error_log.splitlines() if httpd.FORBIDDEN.search(line)]
        deaths = [line for line in bad if DEATH.search(line)]
        for line in bad if len(deaths) > self.ended_by_httpd() else set(bad) - set(deaths):
            self.ledger.fail("cramped", line)
