"""docs/add-a-source.md, followed to the letter: its files are written, its commands run, its outputs compared.

Belongs here: reading the document as instructions. What a source may do is tested with the sources themselves.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lakehouse.catalog import load_catalog
from lakehouse.configuration import ConfigurationError

DOCUMENT = Path(__file__).parents[2] / "docs" / "add-a-source.md"
ANYTHING = "…"
_STEP = re.compile(
    r"^\*\*`(?P<path>[^`]+)`\*\*\n\n```\w+\n(?P<content>.*?)^```$"
    r"|^```sh\n(?P<command>.*?)^```$(?:\n\n```text\n(?P<output>.*?)^```$)?"
    r"|In `(?P<changed>[^`]+)`,\s+replace\s+`(?P<old>[^`]+)`\s+by\s+`(?P<new>[^`]+)`",
    re.MULTILINE | re.DOTALL,
)
_MISTAKE = re.compile(
    r"^In `(?P<file>[^`]+)`, `(?P<right>[^`]+)` written as `(?P<wrong>[^`]+)`:\n\n```text\n(?P<message>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Reader:
    """Somebody who does what the document says, in a folder of their own and one shell."""

    folder: Path

    def follow(self, text: str, *, with_commands: bool = True) -> Iterator[tuple[str, str, str]]:
        """Takes step after step; (command, expected, found) of each command that shows an output."""
        for step in _STEP.finditer(text):
            if step["path"]:
                self._write(step["path"], step["content"])
            elif step["changed"] and with_commands:
                self.change(step["changed"], step["old"], step["new"])
            elif step["command"] and with_commands:
                found = self._run(step["command"])
                if step["output"] is not None:
                    yield step["command"], step["output"], found

    def change(self, file: str, old: str, new: str) -> None:
        text = (self.folder / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        self._write(file, text.replace(old, new))

    def _write(self, file: str, content: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def _run(self, command: str) -> str:
        """Runs a block as typed; variables and functions stay for the next one, as in one shell."""
        state = self.folder / ".shell-state"
        script = f'[ -e "{state}" ] && . "{state}"\n{command}\ncode=$?\n{{ export -p; declare -f; }} > "{state}"\nexit $code\n'
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith("LAKEHOUSE_")}
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env={**clean, "PATH": path, "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        return done.stdout.replace(f"{self.folder}{os.sep}", "")


def _steady(line: str) -> str:
    """A line without what differs from run to run: times, run ids, how much else ships."""
    line = re.sub(r"\d+( contracts| sources| models| experiments| metrics)", r"N\1", line)
    line = re.sub(r"in \d+\.\d s, run [-0-9a-f]+", "in T s, run R", line)
    line = re.sub(r"\d+\.\d │$", "T │", line.rstrip())
    return re.sub(r" +", " ", line)


def _matches(expected: str, found: str) -> bool:
    """True when the output is the expected one; with an ellipsis, when it has its lines in that order."""
    wanted = [_steady(line) for line in expected.splitlines()]
    given = [_steady(line) for line in found.strip("\n").splitlines()]
    if ANYTHING not in expected:
        return [line for line in wanted if line] == [line for line in given if line]
    rest = iter(given)
    return all(
        any(re.fullmatch(re.escape(line).replace(re.escape(ANYTHING), ".*"), one) for one in rest)
        for line in wanted
        if line != ANYTHING
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the document's commands are for a Unix shell")
def test_who_follows_the_document_sees_what_it_shows(tmp_path):
    text = DOCUMENT.read_text(encoding="utf-8")

    shown = list(Reader(tmp_path).follow(text))

    assert len(shown) == 9
    for command, expected, found in shown:
        assert _matches(expected, found), (
            f"$ {command}\nthe document shows\n{expected}\nthe command says\n{found}"
        )
    landed = (tmp_path / "our-data/landing/bestellungen/2025-03.csv").read_bytes()
    assert landed.startswith(b"\xef\xbb\xbf")
    assert landed.count(b"\r\n") == landed.count(b"\n") > 1


def test_every_mistake_of_the_document_gives_the_message_it_shows(tmp_path):
    text = DOCUMENT.read_text(encoding="utf-8")
    reader = Reader(tmp_path)
    assert not list(reader.follow(text, with_commands=False))
    mistakes = list(_MISTAKE.finditer(text))

    assert len(mistakes) >= 6
    for mistake in mistakes:
        reader.change(mistake["file"], mistake["right"], mistake["wrong"])
        with pytest.raises(ConfigurationError) as error:
            load_catalog(tmp_path / "our-config")
        assert f"{error.value}\n" == mistake["message"]
        reader.change(mistake["file"], mistake["wrong"], mistake["right"])
    load_catalog(tmp_path / "our-config")
