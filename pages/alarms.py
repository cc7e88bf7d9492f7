"""Alarms in the reader's language: what somebody must look at though a source answers."""

from collections.abc import Sequence

from pages import feed_names, names, words
from pages.words import _, n_
from store.alarms import Alarm


def said(source: str, alarm: Alarm) -> str:
    """'observers, answer: 3 rows changed without a new time of change'."""
    clock = _("{source}: its clock and this machine's are {time} apart. Times on this screen may be wrong.")
    if alarm.code == "clock":
        return clock.format(source=names.source(source), time=words.duration(alarm.rows))
    told = {
        "lost": _("{rows} of the {of} rows we hold are gone or changed, too many within an hour"),
        "late": n_(
            "{rows} row changed without a new time of change",
            "{rows} rows changed without a new time of change",
            alarm.rows,
        ),
        "untimed": n_(
            "{rows} row has a time of change that is no time",
            "{rows} rows have a time of change that is no time",
            alarm.rows,
        ),
        "back": _("the newest time of change lies before what was read already"),
        "unusable": _("none of its {of} rows could be used"),
    }.get(alarm.code, alarm.code)
    place = names.view(alarm.place)
    if place == alarm.place:
        place = feed_names.feed(source, alarm.place)
    return f"{names.source(source)}, {place}: " + told.format(rows=words.number(alarm.rows), of=words.number(alarm.of))


def short(source: str, alarms: Sequence[Alarm]) -> list[str]:
    """As every page says them: a clock as it is, for the rest where it stands."""
    clocks = [said(source, alarm) for alarm in alarms if alarm.code == "clock"]
    if len(clocks) == len(alarms):
        return clocks
    rest = _("{source}: it answers, but what it says cannot be right. What exactly stands on Data health.")
    return [*clocks, rest.format(source=names.source(source))]
