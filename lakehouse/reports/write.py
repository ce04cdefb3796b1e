"""A report page on disk, whole or not at all."""

from pathlib import Path
from uuid import uuid4

from lakehouse.durable import sync_and_rename
from lakehouse.reports.page import Page, render


def write_report(page: Page, path: Path) -> Path:
    """Write the page to `path`; a reader sees the old file or the new one, never half of one.

    The folder is made when it is missing. Raises OSError when the file can't be written; the old file stays.
    """
    content = render(page).encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        unfinished.write_bytes(content)
        sync_and_rename(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
