"""A run that dies at any step and is started again ends where an undisturbed one does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

FILES = {
    "a.csv": "id,amount\n1,1\n2,x\n3,3\n",
    "b.csv": "id,amount\n1,2\n",
    "c.csv": "amount\n1\n",
    "d.csv": b"",
    "e.csv": "id,amount\n1,1\n2,x\n3,3\n",
    "f.jsonl": '{"id": "9"}\n',
}


class Killed(BaseException):
    """Like a kill: nothing catches it."""


class Deadly:
    """A function that dies at its n-th call, before or after it has done its work."""

    def __init__(self, function, dies_at, *, after):
        self.function, self.left, self.after = function, dies_at, after

    def __call__(self, *arguments, **options):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        result = self.function(*arguments, **options)
        if self.left == 0:
            raise Killed
        return result


def land(lake):
    for name, content in FILES.items():
        lake.land(name, content)
    return lake


def tables(lake):
    files = lake.rows(
        "select file, status, rows, staged, superseded, resent, quarantined from meta_files order by all"
    )
    return (
        lake.table(),
        files,
        lake.rows("select file, row_number, reasons, row from quarantine order by all"),
    )


def leftovers(lake):
    return [path for path in lake.root.rglob(".*") if path.name.endswith(".tmp")]


@pytest.fixture(scope="module")
def undisturbed(new_lake):
    lake = land(new_lake())
    lake.run()
    return tables(lake)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "replace")], ids=["fsync", "rename"])
def test_a_run_killed_at_any_write_is_continued(new_lake, monkeypatch, undisturbed, owner, name, after):
    dies_at = 0
    while True:
        dies_at += 1
        lake = land(new_lake())
        deadly = Deadly(getattr(owner, name), dies_at, after=after)
        with monkeypatch.context() as patched:
            # A plain function, so that it binds like the method it stands for.
            patched.setattr(owner, name, lambda *given, _deadly=deadly, **options: _deadly(*given, **options))
            try:
                lake.run()
            except Killed:
                pass
            else:
                break
        lake.run()
        assert tables(lake) == undisturbed, dies_at
        assert not leftovers(lake)
    assert dies_at > 10


def test_leftovers_of_a_killed_run_are_removed(lake):
    lake.land("a.csv", "id\n1\n")
    for folder in ("raw", "staging", "quarantine"):
        (lake.root / folder / "sales").mkdir(parents=True)
        (lake.root / folder / "sales" / ".dead.tmp").write_bytes(b"half")
    lake.run()
    assert not leftovers(lake)


def test_a_load_that_fails_leaves_the_tables_as_they_were(lake, monkeypatch):
    lake.land("a.csv", "id\n1\n")
    lake.run()
    before = tables(lake)
    lake.land("b.csv", "id\n2\nx,y\n")

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("lakehouse.warehouse.staged._write_account", killed)
        with pytest.raises(Killed):
            lake.run()
    assert tables(lake) == before
    assert lake.run().landed == 3


def test_a_lost_warehouse_or_staging_folder_is_made_again_from_raw(new_lake):
    lake = land(new_lake())
    lake.run()
    before = tables(lake)
    shutil.rmtree(lake.root / "staging")
    lake.connection.execute("delete from meta_staging; delete from meta_files; drop table stg_sales")
    lake.run()
    assert tables(lake) == before
