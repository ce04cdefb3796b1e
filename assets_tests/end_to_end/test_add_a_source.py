"""docs/add-a-source.md, followed to the letter: its files are written, its commands run, its outputs compared.

Belongs here: reading the document as instructions. What a source may do is tested with the sources themselves.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lakehouse.catalog import load_catalog
from lakehouse.configuration import ConfigurationError

DOCUMENT = Path(__file__).parents[2] / "docs" / "add-a-source.md"


@pytest.mark.skipif(sys.platform == "win32", reason="the document's commands are for a Unix shell")
def test_who_follows_the_document_sees_what_it_shows(tmp_path: Path, reader: Any) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    shown = list(reader.follow(text))

    assert len(shown) == 9
    for command, expected, found in shown:
        assert reader.matches(expected, found), (
            f"$ {command}\nthe document shows\n{expected}\nthe command says\n{found}"
        )
    landed = (tmp_path / "our-data/landing/bestellungen/2025-03.csv").read_bytes()
    assert landed.startswith(b"\xef\xbb\xbf")
    assert landed.count(b"\r\n") == landed.count(b"\n") > 1


def test_every_mistake_of_the_document_gives_the_message_it_shows(tmp_path: Path, reader: Any) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert not list(reader.follow(text, with_commands=False))
    mistakes = reader.mistakes(text)

    assert len(mistakes) >= 6
    for mistake in mistakes:
        reader.change(mistake["file"], mistake["right"], mistake["wrong"])
        with pytest.raises(ConfigurationError) as error:
            load_catalog(tmp_path / "our-config")
        assert f"{error.value}\n" == mistake["message"]
        reader.change(mistake["file"], mistake["wrong"], mistake["right"])
    load_catalog(tmp_path / "our-config")
