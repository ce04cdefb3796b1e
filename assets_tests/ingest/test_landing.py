"""Which files are taken from landing, and when."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from lakehouse.ingest import landing as landing_module
from lakehouse.ingest.landing import LandingFile, RawName, list_landing, pending, raw_names, unknown_feeds

NOW = 1_750_000_000.0


@pytest.fixture
def land(tmp_path):
    def put(path, *, age=3600.0):
        file = tmp_path / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("id\n1\n")
        os.utime(file, ns=(0, int((NOW - age) * 1e9)))
        return file

    return put


@pytest.fixture
def listed(tmp_path):
    def look(*feeds, settle=2.0):
        return list_landing(tmp_path / "landing", feeds or ("sales",), settle, NOW)

    return look


def paths(listing):
    return sorted(file.path for file in listing.files)


def test_files_are_taken_at_any_depth(land, listed):
    for path in ("sales/a.csv", "sales/2026/01/b.csv", "sales/x.csv/c.csv", "other/d.csv"):
        land(path)
    assert paths(listed()) == ["sales/2026/01/b.csv", "sales/a.csv", "sales/x.csv/c.csv"]


@pytest.mark.parametrize(
    "name",
    [
        ".a.csv",
        ".cache/a.csv",
        "a.csv.tmp",
        "a.csv.part",
        "a.csv.TMP",
        "a.partial",
        "a.crdownload",
        "a.filepart",
    ],
)
def test_hidden_and_unfinished_names_are_left_alone(land, listed, name):
    land(f"sales/{name}")
    assert listed() == landing_module.Listing((), ())


@pytest.mark.parametrize(
    ("age", "is_taken"), [(3600, True), (2.5, True), (1.5, False), (0, False), (-1, False)]
)
def test_a_file_is_taken_once_it_was_left_unchanged_for_the_settle_time(land, listed, age, is_taken):
    land("sales/a.csv", age=age)
    assert bool(listed().files) is is_taken


def test_without_a_settle_time_a_file_is_taken_at_once(land, listed):
    land("sales/a.csv", age=0)
    assert paths(listed(settle=0)) == ["sales/a.csv"]


def test_a_file_from_the_future_does_not_wait_for_it(land, listed):
    land("sales/a.csv", age=-86_400)
    assert paths(listed()) == ["sales/a.csv"]


def test_symbolic_links_are_refused(land, listed, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text("id\n1\n")
    inside = land("sales/a.csv").parent
    (inside / "file.csv").symlink_to(outside / "secret.csv")
    (inside / "folder").symlink_to(outside)
    (inside / "dangling.csv").symlink_to(outside / "nothing")
    (tmp_path / "landing" / "linked").symlink_to(outside)
    listing = listed("sales", "linked")
    assert paths(listing) == ["sales/a.csv"]
    assert sorted(one.path for one in listing.refused) == [
        "linked",
        "sales/dangling.csv",
        "sales/file.csv",
        "sales/folder",
    ]
    assert "symbolic link" in listing.refused[0].reason


def test_a_name_that_is_no_text_is_refused(land, listed):
    folder = land("sales/a.csv").parent
    (folder / os.fsdecode(b"caf\xe9.csv")).write_text("id\n")
    listing = listed()
    assert paths(listing) == ["sales/a.csv"]
    assert [one.reason for one in listing.refused] == ["its name is not in UTF-8: rename it"]


def test_a_folder_that_vanishes_while_it_is_listed_is_no_error(land, listed, monkeypatch):
    land("sales/a.csv")
    land("sales/gone/b.csv")
    scan = os.scandir

    def vanishing(path):
        if str(path).endswith("gone"):
            raise FileNotFoundError(path)
        return scan(path)

    monkeypatch.setattr(landing_module.os, "scandir", vanishing)
    assert paths(listed()) == ["sales/a.csv"]


def test_landing_that_is_not_there_holds_nothing(listed, tmp_path):
    assert listed() == landing_module.Listing(())
    assert unknown_feeds(tmp_path / "landing", ["sales"]) == []


def test_folders_that_no_contract_knows_are_named(land, tmp_path):
    for path in ("sales/a.csv", "slaes/a.csv", ".hidden/a.csv"):
        land(path)
    assert unknown_feeds(tmp_path / "landing", ["sales"]) == ["slaes"]


def test_files_come_in_the_order_of_their_paths_not_of_their_times(land, listed):
    land("sales/b.csv", age=9000)
    land("sales/a.csv", age=100)
    assert [file.path for file in pending(listed().files, [], "v1")] == ["sales/a.csv", "sales/b.csv"]


def test_a_raw_file_says_in_its_name_what_it_is():
    stamp = RawName.stamp_of(datetime(2026, 3, 1, 12, 0, 0, 7, UTC))
    for kind in ("rows", "rejected", "resend"):
        name = RawName(stamp, "f" * 16, "c" * 32, "v" * 8, kind)
        assert RawName.parse(str(name)) == name
        assert name.ingested_at == datetime(2026, 3, 1, 12, 0, 0, 7, UTC)
    for other in ("notes.txt", "a-b-c.parquet", "a-b-c-d.other.parquet", "a-b-c-d.parquet.tmp"):
        assert RawName.parse(other) is None


def test_a_file_is_pending_until_raw_holds_it_and_again_once_it_would_be_read_another_way():
    file = LandingFile("sales/a.csv", 10, 20)
    held = RawName("s", file.fingerprint, "c", "v1")
    rejected = RawName("s", file.fingerprint, "c", "v1", "rejected")
    assert pending([file], [], "v1") == [file]
    assert pending([file], [held], "v2") == []
    assert pending([file], [rejected], "v1") == []
    assert pending([file], [rejected], "v2") == [file]
    assert pending([LandingFile("sales/a.csv", 11, 20)], [held], "v1") != []
    assert pending([LandingFile("sales/a.csv", 10, 21)], [held], "v1") != []


def test_the_sensors_listing_of_raw_is_the_ledger(new_lake):
    lake = new_lake()
    lake.land("a.csv", "id\n1\n")
    lake.land("b.csv", b"")
    lake.ingest()
    (lake.raw / "sales" / "ingest_date=2026-03-01" / "notes.txt").write_text("not ours")
    assert sorted(name.kind for name in raw_names(lake.raw, "sales")) == ["rejected", "rows"]
    assert list(raw_names(lake.raw, "other")) == []
