"""Fewer waits for the disk while a run tells Dagster's SQLite databases what it does.

Dagster opens a connection for each of a run's some thousand statements, waits for the disk at each commit, and as
the last connection closes folds the log back into the database. None of it guards the lake's own data.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.pool import Pool


@contextmanager
def quick_event_log(home: Path) -> Iterator[None]:
    """While the body runs, commits below `home` are safe from a crash of the process, not from a power cut."""
    held: dict[str, sqlite3.Connection] = {}

    def connected(connection: object, _: object) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        path = connection.execute("pragma database_list").fetchone()[2]
        if not path.startswith(str(home)):
            return
        connection.execute("pragma synchronous = normal")
        # While this one is open no other is the last to close; it reads to learn that the log is kept apart.
        if path not in held:
            held[path] = sqlite3.connect(path, check_same_thread=False)
        held[path].execute("select count(*) from sqlite_master").fetchall()

    event.listen(Pool, "connect", connected)
    try:
        yield
    finally:
        event.remove(Pool, "connect", connected)
        for connection in held.values():
            connection.close()
