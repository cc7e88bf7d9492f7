"""Red shows no percentage anywhere: every figure of the rehearsed day, every way to look at it, JSON, CSV and pages."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from queries import __main__ as figures
from queries import moment
from tests.conftest import Rehearsed

ESTIMATE = ("value", "low", "high", "shown_margin", "publish_margin", "slope", "shift", "residual")
TIMES = ["20:05", "2021-11-29T00:30"]
WAYS = ([], ["--by", "region"], ["--list"], ["--stability"], ["--drift"], ["--residuals"], ["--level", "2"])


@pytest.fixture
def day(rehearsed: Rehearsed, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BAIKOO_STORE", rehearsed.store_url)
    moment.here.cache_clear()
    yield
    moment.here.cache_clear()


def asked(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a figure says; nothing where there is no such figure."""
    code = figures.main(arguments)
    out = capfd.readouterr().out
    return out if code == 0 else ""


def shown(rows: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return [
        (name, row[name])
        for row in rows
        if row.get("light") == "red"
        for name in ESTIMATE
        if row.get(name) not in (None, "")
    ]


@pytest.mark.parametrize("at", TIMES)
def test_no_row_under_a_red_light_has_a_share_in_json_or_csv(
    day: None, capfd: pytest.CaptureFixture[str], at: str
) -> None:
    lights = set()
    for name in ("turnout", "procedures", "equipment", "quickcount", "comparison"):
        for way in WAYS:
            common = (name, *way, "--as-of", at, "--embargoed")
            text = asked(capfd, *common, "--format", "json")
            if not text:
                continue
            rows = json.loads(text)["rows"]
            lights |= {row.get("light") for row in rows}
            assert (common, shown(rows)) == (common, [])
            table = csv.DictReader(io.StringIO(asked(capfd, *common, "--format", "csv").removeprefix("\ufeff")))
            assert (common, shown(list(table))) == (common, [])
    assert "red" in lights
