"""Documents as instructions: their files are written, their commands run, their outputs compared; and two large lakes.

Belongs here: how a document is read, for every test that follows one, and the lakes of Online Retail and of a year of the
made-up company, for every test that reads them. Not here: the documents' own expectations.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lakehouse.synth.company import generate
from lakehouse.synth.plan import GeneratorPlan

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

    @staticmethod
    def matches(expected: str, found: str) -> bool:
        return _matches(expected, found)

    @staticmethod
    def mistakes(text: str) -> list[re.Match[str]]:
        """Mistakes that the document shows: `file`, `right`, `wrong` and `message` of each."""
        return list(_MISTAKE.finditer(text))

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


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A reader in an empty folder."""
    return Reader(tmp_path)


@pytest.fixture(scope="session")
def online_retail_file(shared_data: Path) -> Path:
    return shared_data / "data" / "online_retail.csv.gz"


@pytest.fixture(scope="session")
def online_retail(
    online_retail_file: Path, lake_at: Callable[[Path], Any], built_once: Callable[..., Path]
) -> Any:
    """A lake in which the real file landed as it is. Read it, never write it."""

    def fill(root: Path) -> None:
        lake = lake_at(root)
        lake.land_file(online_retail_file, "online_retail")
        lake.run()

    return lake_at(built_once("online-retail", fill))


@pytest.fixture(scope="session")
def tried(
    built_once: Callable[[str, Callable[[Path], None]], Path], company_at: Callable[[Path], Any]
) -> Any:
    """A year with so many visitors and orders that every experiment, and every trouble, can show what was planted."""

    def fill(root: Path) -> None:
        lake = company_at(root)
        plan = GeneratorPlan(orders=30_000, start=date(2025, 1, 1), end=date(2026, 1, 1), seed=4, dirt=0.01)
        generate(plan, lake.settings.paths.landing)
        lake.run()

    return company_at(built_once("planted_experiments", fill))
