"""Bursts of conflicts and of late changes from few observers: a red line, where a hundred rows would hide the rest."""

from collections.abc import Mapping
from typing import Any

from pages import shell, words
from pages.view import View
from pages.words import n_
from queries import bursts


def banner(seen: View) -> None:
    """One line a burst of the last hour: how many, and which observers to ask."""
    for row in seen.figure(bursts.bursts).to_dict("records"):
        shell.banner(_told(row), "red")


def _told(row: Mapping[Any, Any]) -> str:
    conflict = n_(
        "Within an hour, until {until}, the observers began to differ on {of} checklists; {n} observer has a part in "
        "{number} of them: {observers}.",
        "Within an hour, until {until}, the observers began to differ on {of} checklists; {n} observers have a part in "
        "{number} of them: {observers}.",
        row["senders"],
    )
    changed = n_(
        "Within an hour, until {until}, {of} checklists were changed long after they were sent; {n} observer changed "
        "{number} of them: {observers}.",
        "Within an hour, until {until}, {of} checklists were changed long after they were sent; {n} observers changed "
        "{number} of them: {observers}.",
        row["senders"],
    )
    return {"conflict": conflict, "changed": changed}[row["kind"]].format(
        until=words.clock_time(row["until_at"]),
        of=words.number(row["of"]),
        number=words.number(row["number"]),
        n=words.number(row["senders"]),
        observers=", ".join(words.beginning(code) for code in row["observers"]),
    )
