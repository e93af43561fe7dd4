"""The shelf: what the pages show."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Book:
    key: str
    title: str
    author: str
    year: int


SHELF = (
    Book("alice", "Alice’s Adventures in Wonderland", "Lewis Carroll", 1865),
    Book("emil", "Emil und die Detektive", "Erich Kästner", 1929),
    Book("flatland", "Flatland: A Romance of Many Dimensions <2D & 3D>", "Edwin A. Abbott", 1884),
    Book("frankenstein", "Frankenstein; or, The Modern Prometheus", "Mary Shelley", 1818),
    Book("walden", "Walden; or, Life in the Woods", "Henry David Thoreau", 1854),
)


def find(words: str) -> list[Book]:
    """Books whose title or author has these words in it; all for none."""
    wanted = words.casefold().split()
    return [book for book in SHELF if all(word in f"{book.title} {book.author}".casefold() for word in wanted)]


def named(key: str) -> Book | None:
    return next((book for book in SHELF if book.key == key), None)
