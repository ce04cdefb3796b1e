"""Published cases of root causes are answered as well as is promised; skipped where they are absent."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl

from lakehouse.metrics.causes import RatioColumns, additive_causes, ratio_causes

COLUMNS = RatioColumns("orders0", "visits0", "orders1", "visits1")


def test_conversion_rates(shared_data: Path) -> None:
    frames = pl.read_parquet(shared_data / "data" / "metrics" / "rca_ratio_open.parquet").partition_by(
        "case", as_dict=True
    )
    truth = json.loads(
        (shared_data / "data" / "metrics" / "rca_ratio_open_truth.json").read_text(encoding="utf-8")
    )
    right = dict.fromkeys(("rate", "mix", "joint", "none"), 0)
    silent = dict.fromkeys(right, 0)
    for entry in truth:
        dimensions = ["country", "product", "channel", "tier"]
        causes = ratio_causes(frames[(entry["case"],)], dimensions, columns=COLUMNS).causes
        planted = [cause["segment"] for cause in entry["causes"]]
        right[entry["kind"]] += bool(causes) and dict(causes[0].segment) in planted
        silent[entry["kind"]] += not causes
    count = {kind: sum(entry["kind"] == kind for entry in truth) for kind in right}
    for kind, aim in {"rate": 0.75, "mix": 0.75, "joint": 0.85}.items():
        assert right[kind] >= aim * count[kind], kind
    assert silent["none"] >= 0.9 * count["none"]
    assert sum(silent.values()) - silent["none"] <= 0.05 * (len(truth) - count["none"])


def test_additive_cases(shared_data: Path) -> None:
    cases = pl.scan_parquet(shared_data / "data" / "metrics" / "rca_additive_40.parquet")
    with (shared_data / "data" / "metrics" / "rca_additive_40_truth.csv").open(
        encoding="utf-8", newline=""
    ) as stream:
        truth = list(csv.DictReader(stream))
    right = found = planted = 0
    for row in truth[::4]:
        frame = cases.filter(pl.col("timestamp") == int(row["timestamp"])).collect()
        expected = {frozenset(text.split("&")) for text in row["set"].split(";")}
        causes = additive_causes(frame, list("abcde"), depth=5).causes
        answered = {frozenset(f"{name}={value}" for name, value in cause.segment) for cause in causes}
        right, found, planted = (
            right + len(expected & answered),
            found + len(answered),
            planted + len(expected),
        )
    assert 2 * right / (found + planted) >= 0.7
