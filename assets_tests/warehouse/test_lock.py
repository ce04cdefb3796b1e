"""One writer at a time, whichever door it comes through; who waits is told for whom, and the dead hold nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest

from lakehouse.warehouse.lock import WarehouseBusy, writer_lock

HOLDER = """
import sys, pathlib
from lakehouse.warehouse.lock import writer_lock
with writer_lock(pathlib.Path(sys.argv[1]), "the nightly run"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def warehouse(tmp_path):
    return tmp_path / "data" / "warehouse.duckdb"


@pytest.fixture
def holder(warehouse):
    """Another process that holds the lock until it is told a line, or killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_whoever_does_not_want_to_wait_is_told_who_holds_the_warehouse(warehouse, holder):
    with pytest.raises(WarehouseBusy) as busy, writer_lock(warehouse, "me", timeout_s=0.05):
        pytest.fail("the lock is held by another process")
    assert str(busy.value).startswith(
        f"expected the warehouse to be free within 0.05 s, found it held by the nightly run (process {holder.pid}, since "
    )
    assert str(busy.value).endswith("Wait for that run to end, or stop it.")


def test_a_second_writer_waits_and_is_told_for_whom(warehouse, holder):
    told = []

    def say(text):
        told.append(text)
        holder.stdin.write("go\n")
        holder.stdin.flush()

    with writer_lock(warehouse, "me", say):
        pass
    assert len(told) == 1
    assert told[0].startswith(f"waiting for the warehouse: the nightly run (process {holder.pid}, since ")


def test_a_lock_whose_owner_was_killed_is_taken_over(warehouse, holder):
    holder.kill()
    holder.wait()
    with writer_lock(warehouse, "me", timeout_s=5):
        assert json.loads(warehouse.with_suffix(".owner.json").read_text())["who"] == "me"


def test_the_lock_is_given_back_also_when_the_body_raises(warehouse):
    with pytest.raises(ZeroDivisionError), writer_lock(warehouse, "me"):
        raise ZeroDivisionError
    assert not warehouse.with_suffix(".owner.json").exists()
    with writer_lock(warehouse, "me again", timeout_s=0.05):
        pass


def test_an_owner_file_that_tells_nothing_is_no_error(warehouse, holder):
    for text in ("", "{"):
        warehouse.with_suffix(".owner.json").write_text(text)
        with (
            pytest.raises(WarehouseBusy, match="another writer"),
            writer_lock(warehouse, "me", timeout_s=0.05),
        ):
            pytest.fail("the lock is held by another process")


def test_threads_of_one_process_exclude_each_other_too(warehouse):
    inside = 0
    seen = []

    def write():
        nonlocal inside
        with writer_lock(warehouse, f"thread of {os.getpid()}"):
            inside += 1
            seen.append(inside)
            inside -= 1

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1, 1, 1, 1]
