"""A visitor: a client that asks at random, on a connection it keeps as long as the server does, and knows each answer."""

import http.client
import random

import client
from soak import questions
from soak.ledger import Broken, Wrong

STALE = http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError


class Visitor:
    def __init__(self, site, ledger, versions, number, seed):
        self.site, self.ledger, self.versions = site, ledger, versions
        self.name, self.chance = f"visitor{number}", random.Random(f"{seed} {number}")
        self.connection, self.marks, self.repeated = None, 0, 0
        self.cookies, self.counts = {}, {}

    def stay(self, is_over, questions_first=()):
        """Ask until it is over; some questions first, so that none is left out."""
        for question in questions_first:
            self.pose(question)
        everything, weights = [*questions.WEIGHTS], [*questions.WEIGHTS.values()]
        while not is_over():
            for question in self.chance.choices(everything, weights, k=20):
                self.pose(question)
                if is_over():
                    break
        self.hang_up()

    def pose(self, question):
        began = self.ledger.now()
        try:
            question(self)
        except (Broken, Wrong) as error:
            self.hang_up()
            self.ledger.judge(question.__name__, began, error, question in questions.NEED_DISK)
        except Exception as error:
            self.hang_up()
            self.ledger.fail(question.__name__, f"the visitor itself: {error!r}")

    def mark(self):
        self.marks += 1
        return f"{self.name}.{self.marks}"

    def hang_up(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    # One request

    def ask(self, method, path, body=None, headers=None, user=None):
        """The whole answer. A kept connection that the server has closed meanwhile is no failure."""
        is_kept = self.connection is not None
        try:
            answer = self.ask_once(method, path, body, headers, user)
        except STALE as error:
            self.hang_up()
            if not is_kept:
                raise Broken(f"{path}: {error!r}") from None
            self.ledger.note("kept connections that were closed")
            self.repeated += 1
            answer = self.ask_anew(method, path, body, headers, user)
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"{path}: {error!r}") from None
        self.ledger.answered(path.partition("?")[0].split("/")[1])
        return answer

    def ask_anew(self, *request):
        try:
            return self.ask_once(*request)
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"{request[1]}: {error!r}") from None

    def ask_once(self, method, path, body, headers, user):
        if self.connection is None:
            self.connection = self.site.connection()
        return self.site.ask(self.connection, method, path, body, headers, None, user)

    def expect(self, path, text, method="GET", **options):
        self.compare(path, self.ask(method, path, **options), text)

    def compare(self, path, answer, text):
        if answer.status != 200:
            raise Wrong(f"{path}: {answer.status} {answer.text[-300:]!r}", answer.status)
        if answer.text != text:
            raise Wrong(f"{path}: {answer.text[:200]!r} ({len(answer.text)}) instead of {text[:200]!r} ({len(text)})")

    def expect_status(self, path, status):
        answer = self.ask("GET", path)
        if answer.status != status:
            raise Wrong(f"{path}: {answer.status} instead of {status}", answer.status)

    def whole_answer(self, data):
        try:
            with self.site.socket() as connection:
                connection.sendall(data)
                answer = client.receive(connection)
        except OSError as error:
            raise Broken(repr(error)) from None
        if not answer:
            raise Broken("no answer")
        self.ledger.answered("raw")
        return answer

    # Sessions

    def count_in(self, name):
        """A number that a session keeps: exactly one more each time, but for requests of which nobody knows how far they came.

        A child that has lost its connections in a restart may still be at work on one of those, and count it later.
        """
        cookie, low, high = self.counts.get(name, (None, 0, 0))
        self.counts[name], before = (cookie, low, high + 2), self.repeated
        answer = self.ask("GET", f"/app/{name}", headers={"Cookie": cookie} if cookie else {})
        if answer.status != 200:
            raise Wrong(f"{name}: {answer.status} {answer.text[-300:]!r}", answer.status)
        number = int(answer.text)
        given = answer.headers["Set-Cookie"]
        cookie_now = given.partition(";")[0] if given else cookie
        highest = high + 1 + self.repeated - before
        self.counts[name] = cookie_now, number, max(number, highest)
        if not low < number <= highest:
            raise Wrong(f"{name}: {number} instead of {low + 1} to {highest}")
