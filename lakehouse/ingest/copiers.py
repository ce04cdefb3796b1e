"""Threads that copy landing files side by side, each with an in-memory DuckDB of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Self, TypeVar

import duckdb

COPIERS = 2

One = TypeVar("One")
Done = TypeVar("Done")


class Copiers:
    """A pool of `count` copiers; leaving it waits for those at work and drops what has not begun."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count)
        self._idle: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
        for _ in range(count):
            connection = duckdb.connect(":memory:")
            connection.execute(f"set threads = {max(COPIERS // count, 1)}")
            self._idle.put(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().close()

    def map(self, do: Callable[[One], Done], those: Sequence[One]) -> Iterator[Done]:
        """Results in the order of what was given, as soon as each is there."""
        return self._pool.map(do, those)

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put(connection)
