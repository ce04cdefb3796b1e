"""Dirt is planted beside the clean company and told exactly; taken away, the clean company is left."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lakehouse.synth.spoil import SPOILERS


def test_without_dirt_nothing_is_planted(clean: Any) -> None:
    assert all(not file.bad and not file.copy_of and not file.late_from for file in clean.truth.files)
    assert clean.truth.out_of_order_versions == ()


def test_rows_are_good_or_bad_in_every_file(dirty: Any) -> None:
    on_disk = {str(path.relative_to(dirty.landing)) for path in dirty.landing.rglob("*") if path.is_file()}
    assert on_disk == {file.file for file in dirty.truth.files}
    for file in dirty.truth.files:
        assert file.rows == file.good + len(file.bad) == len(dirty.lines(file.file)) - 1


@pytest.mark.parametrize("feed", sorted(SPOILERS))
def test_the_share_of_bad_rows_is_the_plans_and_every_kind_occurs(dirty: Any, feed: str) -> None:
    files = [file for file in dirty.truth.files if file.feed == feed and file.copy_of is None]
    good, kinds = sum(file.good for file in files), Counter(row.kind for file in files for row in file.bad)
    assert abs(sum(kinds.values()) - dirty.plan.dirt * good) <= len(files)
    if sum(kinds.values()) >= 2 * len(SPOILERS[feed]) + len(files):
        assert kinds.keys() == {spoiler.kind for spoiler in SPOILERS[feed]}


@pytest.mark.parametrize("feed", sorted(SPOILERS))
def test_without_its_dirt_the_dirty_company_is_the_clean_one(dirty: Any, washed: Any, feed: str) -> None:
    assert Counter(dirty.good_rows(feed)) == Counter(washed.good_rows(feed))


def test_the_totals_are_those_of_the_clean_company(dirty: Any, washed: Any) -> None:
    assert dirty.truth.totals == washed.truth.totals
    assert dirty.truth.experiments == washed.truth.experiments


def test_the_last_state_of_an_order_never_lands_before_an_older_one(dirty: Any, washed: Any) -> None:
    def last(company: Any) -> dict[str, tuple[str, ...]]:
        return {row[0]: row for row in company.good_rows("orders")}

    assert last(dirty) == last(washed)


@pytest.mark.parametrize("feed", sorted(SPOILERS))
def test_one_file_of_each_feed_is_sent_again_byte_by_byte(dirty: Any, feed: str) -> None:
    copies = [file for file in dirty.truth.files if file.feed == feed and file.copy_of]
    assert len(copies) == 1
    for copy in copies:
        assert (dirty.landing / copy.file).read_bytes() == (dirty.landing / copy.copy_of).read_bytes()


@pytest.mark.parametrize(
    ("feed", "event"),
    [
        *(("returns", 4), ("inventory_movements", 2), ("orders", None), ("order_items", None)),
        *(("web_events", 3), ("bookings", 2)),
    ],
)
def test_late_rows_belong_to_the_month_before_their_file(dirty: Any, feed: str, event: int | None) -> None:
    late = [file for file in dirty.truth.files if file.feed == feed and file.late_from]
    assert len(late) == 1
    assert late[0].good > 0
    assert late[0].late_from < late[0].file[-16:-9]
    if event is not None:
        bad = {row.line for row in late[0].bad}
        rows = list(enumerate(dirty.lines(late[0].file)[1:], start=2))
        assert all(row[event].startswith(late[0].late_from) for number, row in rows if number not in bad)


def test_overtaken_product_versions_land_behind_the_newer_ones(dirty: Any) -> None:
    told = dirty.truth.out_of_order_versions
    assert len(told) > 0
    rows = dirty.good_rows("products")
    place = {(row[0], row[-1]): i for i, row in enumerate(rows)}
    for version in told:
        assert version.updated_at < version.overtaken_by
        assert place[version.product_id, version.updated_at] > place[version.product_id, version.overtaken_by]
        landed = {(row[0], row[-1]) for row in dirty.lines(version.file)}
        assert (version.product_id, version.updated_at) in landed
    overtaken = {(version.product_id, version.updated_at) for version in told}
    newest: dict[str, str] = {}
    for product, at in place:
        if (product, at) not in overtaken:
            assert newest.get(product, "") < at
            newest[product] = at
