"""The end of a command that cannot do its work."""

from __future__ import annotations


class Failure(Exception):  # noqa: N818
    """The text is a sentence for the user, `status` the exit status of the command."""

    def __init__(self, sentence: str, status: int = 1) -> None:
        super().__init__(sentence)
        self.status = status
