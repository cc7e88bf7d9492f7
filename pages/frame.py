"""The frame held against the design: a red line on Overview and Data health where it does not fit, and what exactly."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from pages import deciding, refused, shell, turnout_words, words
from pages.view import View
from pages.words import _, n_
from queries import frame
from queries.moment import here
from store import decisions

_SAID = 3  # strata that the line names
_NAMED = 5  # PECs of each


def banner(seen: View) -> None:
    """One line, of all strata: what is estimated from them stands on a sample that is not the one that was drawn."""
    rows = seen.figure(frame.frame)
    wrong = rows[~rows["fits"]]
    if wrong.empty:
        return
    named = seen.figure(frame.misfits)
    told = "; ".join(_told(row, named) for row in wrong.head(_SAID).to_dict("records"))
    more = len(wrong) - _SAID
    said = _("The frame of PECs is not as the sample was drawn: {strata}.").format(strata=told)
    if more > 0:
        said += " " + n_("And {n} more stratum.", "And {n} more strata.", more).format(n=words.number(more))
    shell.banner(said, "red")


def accept(seen: View) -> None:
    """Whoever changed the sample on purpose says so. The present only: the past is not decided on."""
    rows = seen.figure(frame.frame)
    if seen.as_of or not rows[["left", "moved", "set_aside"]].any(axis=None):
        return
    known = deciding.drawn_before("frame_drawn", seen.moment.load)
    refused.decision(
        _("Was the sample changed on purpose? Accept it as it stands"),
        "frame",
        _("Accept the sample as it is"),
        partial(decisions.accept_frame, here()[0], known),
    )


def _told(row: Mapping[Any, Any], named: pd.DataFrame) -> str:
    """'Osh: 72 of 73 sampled PECs, 1 has left the sample (5043)'."""
    said = _("{sampled} of {of} sampled PECs")
    parts = [said.format(sampled=words.number(row["sampled"]), of=words.number(row["of"]))]
    kinds = {
        "left": n_("{n} has left its stratum ({pecs})", "{n} have left their stratum ({pecs})", row["left"]),
        "moved": n_("{n} is in another region now ({pecs})", "{n} are in another region now ({pecs})", row["moved"]),
        "set_aside": n_(
            "{n} has a row that could not be used ({pecs})",
            "{n} have rows that could not be used ({pecs})",
            row["set_aside"],
        ),
        "no_voters": n_("{n} without voters ({pecs})", "{n} without voters ({pecs})", row["no_voters"]),
    }
    for what, sentence in kinds.items():
        if row[what]:
            pecs = named.loc[(named["stratum"] == row["stratum"]) & (named["what"] == what), "pec"]
            parts.append(sentence.format(n=words.number(row[what]), pecs=_some(list(pecs))))
    stratum = turnout_words.stratum(row["stratum"]) or _("PECs of no stratum")
    return f"{stratum}: {', '.join(parts)}"


def _some(pecs: list[str]) -> str:
    return ", ".join(map(words.beginning, pecs[:_NAMED])) + (" …" if len(pecs) > _NAMED else "")
