"""Files that are there whole or not at all, also after a kill or a power cut."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def sync_and_rename(temporary: Path, final: Path) -> None:
    """Makes a finished file appear under its final name."""
    with temporary.open("rb+") as stream:
        os.fsync(stream.fileno())
    temporary.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_whole(content: bytes, path: Path) -> Path:
    """Writes a file, its folder included: a reader sees the old one or the new one, never half of one.

    What killed writers of the same file left behind is removed. Raises OSError when it can't be written; what stood
    there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        if not _is_alive(leftover.name.split(".")[-2].partition("-")[0]):
            leftover.unlink(missing_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{uuid4().hex}.tmp")
    try:
        unfinished.write_bytes(content)
        sync_and_rename(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _is_alive(process: str) -> bool:
    """Whether a process of this number runs, by whatever name."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed run left under a temporary name (`.<name>.tmp`) in a folder."""
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)
