"""What the bench says of a measurement, and the table that it keeps. It measures nothing here."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import day, yardstick
from bench.__main__ import DOCUMENT, HEAD, ORDINARY, PARTS, Line
from store.engine import open_store
from store.owner import Owner
from tests.conftest import OWNER

ASKED = Line("all figures", 0.3, limit=0.3, yardstick=ORDINARY)


def test_a_duration_is_held_against_the_yardstick_of_its_run() -> None:
    three_times_as_slow = replace(ASKED, value=0.9, yardstick=3 * ORDINARY)
    assert three_times_as_slow.holds
    assert three_times_as_slow.yardsticks == pytest.approx(ASKED.yardsticks)
    assert not replace(ASKED, value=0.9).holds


def test_the_time_that_a_page_waits_for_a_timer_is_the_same_on_every_machine() -> None:
    shown = Line("a row", 7, limit=2, timer=5)
    assert shown.holds
    assert not replace(shown, value=5 + 3 * 2 * 1.01, yardstick=3 * ORDINARY).holds
    assert replace(shown, value=2.6).yardsticks == 0


def test_what_is_no_duration_stays_in_its_own_unit() -> None:
    memory = Line("memory", 451, "MiB", 450, yardstick=3 * ORDINARY)
    assert not memory.holds
    assert memory.cells() == ("memory", "451 MiB", "", "450 MiB", "NO")
    assert Line("never shown", 0, "", 0).cells() == ("never shown", "0", "", "0", "yes")
    assert Line("charts", 2.284, "times", 2.5).cells() == ("charts", "2.28 times", "", "2.50 times", "yes")


def test_a_duration_is_written_with_its_yardsticks_and_the_bar_in_yardsticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ORDINARY", 0.2)
    assert Line("all", 0.272, limit=0.3, yardstick=0.2).cells() == ("all", "272 ms", "1.36", "1.50 yardsticks", "yes")
    assert Line("a poll", 0.003, limit=0.01, yardstick=0.2).cells()[1:4] == ("3.0 ms", "0.015", "0.050 yardsticks")
    assert Line("a row", 7.5, limit=2, timer=5, yardstick=0.25).cells()[1:4] == (
        "7.50 s",
        "10 after 5 s",
        "5 s + 10 yardsticks",
    )


def test_a_figure_without_a_bar_is_only_told() -> None:
    assert Line("first load", 72, yardstick=0.2).cells() == ("first load", "72.00 s", "360", "", "")


def test_each_part_has_the_yardstick_measured_before_and_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yardstick, "measure", iter([1.0, 3.0, 5.0, 9.0]).__next__)

    def parts() -> Iterator[list[Line]]:
        yield [Line("first", 1)]
        yield []  # something was made ready
        yield [Line("second", 1), Line("third", 1)]

    lines = bench._in_yardsticks(parts())
    assert [line.yardstick for line in lines] == [2, 7, 7]


def test_the_document_keeps_the_table_and_says_how_each_part_is_run() -> None:
    text = DOCUMENT.read_text("utf-8")
    table = text.partition(bench._row(HEAD))[2].partition("\n\n")[0].strip().splitlines()
    assert len(table) > 1
    assert {row.count("|") for row in table} == {len(HEAD) + 1}
    assert [part for part in PARTS if f"`{part}`" not in text] == []
    assert f"{ORDINARY:g} s" in text


def test_the_bench_goes_on_with_the_store_of_the_day_that_it_played(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    open_store(url, OWNER).dispose()  # as the rehearsal of that day leaves it
    own = day._election(tmp_path, {s.id: (s.pecs, s.sampled) for s in day.read("kg-2021-11-28").strata})
    open_store(url, Owner(own.id, own.rehearsal)).dispose()
    assert own.source("observation").interval == day.INTERVAL
