"""Drawings of a page's last issue, kept between runs: what hasn't changed needn't be drawn again.

Drawing is half of what a page costs, and most charts of most days are those of the day before. A drawing is kept under
everything that it is made of, the converter's version included, so that a kept one is the one that would be made.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import vl_convert

from lakehouse.durable import write_whole

Convert = Callable[..., str]
_VERSION = importlib.metadata.version("vl-convert-python")


class KeptDrawings:
    """Turns specifications into SVG as `convert` does, and takes those of the page's last issue as they are."""

    def __init__(self, path: Path, convert: Convert = vl_convert.vegalite_to_svg) -> None:
        self._path = path
        self._convert = convert
        self._known = _read(path)
        self._used: dict[str, str] = {}

    def __call__(self, spec: dict[str, Any], **options: Any) -> str:
        """The specification drawn. Raises ValueError as vl-convert does."""
        text = json.dumps([_VERSION, spec, options], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        if key not in self._used:
            self._used[key] = self._known.get(key) or self._convert(spec, **options)
        return self._used[key]

    def keep(self) -> None:
        """Writes down the drawings of this issue, in the place of the former ones'. Raises OSError when it can't."""
        if self._used.keys() != self._known.keys():
            write_whole(gzip.compress(json.dumps(self._used).encode(), 1, mtime=0), self._path)


def _read(path: Path) -> dict[str, str]:
    """What was kept; nothing where nothing was, or where it can't be read: then it is drawn anew."""
    try:
        kept = json.loads(gzip.decompress(path.read_bytes()))
    except (FileNotFoundError, gzip.BadGzipFile, zlib.error, EOFError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
