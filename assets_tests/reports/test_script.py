"""What runs in a page: data that can't end their element, and a library that is made once and never read half-written."""

import json
from pathlib import Path

import pytest
import vl_convert

from lakehouse.reports import script
from lakehouse.reports.script import inline_json


@pytest.mark.parametrize(
    "text", ["</script>", "<!--", "a & b", "\u2028\u2029", "\x00 \x1f", "☕ \u202e", '"quoted" \\']
)
def test_json_inside_a_page_reads_back_as_it_was(text: str) -> None:
    assert json.loads(inline_json({text: [text]})) == {text: [text]}


def test_not_a_number_never_gets_into_a_page() -> None:
    for value in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            inline_json({"net": value})


def test_the_drawing_library_is_made_once_and_kept_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make() -> str:
        made.append(1)
        return "const vegaEmbed = 1;"

    monkeypatch.setattr(vl_convert, "javascript_bundle", make)
    for _ in range(3):
        script.bundle.cache_clear()  # as another process would find it
        assert script.bundle(tmp_path / "cache") == "const vegaEmbed = 1;"
    script.bundle.cache_clear()

    assert len(made) == 1
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".js"]


def test_a_library_that_was_not_written_to_the_end_is_never_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda: "whole")
    with monkeypatch.context() as patched:
        patched.setattr("lakehouse.durable.sync_and_rename", killed)
        script.bundle.cache_clear()
        with pytest.raises(KeyboardInterrupt):
            script.bundle(tmp_path)

    assert not list(tmp_path.iterdir())
    assert script.bundle(tmp_path) == "whole"
    script.bundle.cache_clear()


def test_a_library_that_would_end_its_element_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda: "'</SCRIPT>'")
    script.bundle.cache_clear()

    with pytest.raises(ValueError, match="expected a bundle that can be inlined"):
        script.bundle()
