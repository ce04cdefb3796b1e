"""The page that docs/reports.md writes is a page that works."""

import re
from pathlib import Path

import pytest

DOC = Path(__file__).resolve().parents[2] / "docs" / "reports.md"


def test_the_page_of_the_document_is_issued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)

    exec(compile(code, DOC.name, "exec"), {})  # noqa: S102 - our own document

    html = (tmp_path / "reports" / "visits.html").read_text(encoding="utf-8")
    assert "<title>Visits</title>" in html
    # 28 days that end with day 89: twice the sum of 40 + day, against the 28 before.
    assert f"{2 * sum(40 + day for day in range(62, 90)):,}" in html
    assert f"before: {2 * sum(40 + day for day in range(34, 62)):,}" in html
    assert 'href="visits.html"' in (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "reports" / "archive" / "2026-03-31" / "visits.html").exists()
