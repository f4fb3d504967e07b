"""Where the report goes is looked at before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lema.base.errors import ConfigError
from lema.cli.modes import report_path
from lema.config.options import Options


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "is a folder; name a file in it"),
        (".", "is a folder; name a file in it"),
        ("none/report.html", "there is no folder"),
        ("report.json", "is where its numbers go"),
        (f"{'a' * 250}.html", "cannot be written"),
    ],
)
def test_a_place_where_no_report_can_be_is_refused(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=rf"^report: .*{said}"):
        report_path(Options(report=name))
    assert report_path(Options(report="mine.html")) == tmp_path / "mine.html"
