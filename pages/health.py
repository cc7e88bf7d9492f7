"""Data health: is every source answering, what was set aside and why, what was loaded and kept. For 2 a.m."""

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from pages import names, shell, words
from pages.view import View
from pages.words import _, n_
from queries import health

RAW_LETTERS = 4_000


def page() -> None:
    shell.title(_("Data health"), _("Whether the sources answer, and what could not be used."))
    shell.live(_sources)
    shell.live(_set_aside)
    shell.live(_loads)
    shell.live(_archive)


def _sources(seen: View) -> None:
    rows = seen.figure(health.health)
    ticks = seen.figure(health.polls, minutes=60)
    body = "".join(_source(row, ticks[ticks["source"] == row["source"]]) for row in rows.to_dict("records"))
    heads = (
        _("Source"), _("State"), _("Last success"), _("Last change"), _("Age"), _("Polls in the last hour"),
        _("Seen"), _("Changed"), _("Set aside"),
    )  # fmt: skip
    numbers = {_("Seen"), _("Changed"), _("Set aside"), _("Age")}
    head = "".join(f"<th{' class=bk-number' if h in numbers else ''}>{escape(h)}</th>" for h in heads)
    st.html(
        f"<div class='scrolls'><table class='bk-table bk-sources'><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )
    for row in rows.to_dict("records"):
        if row["state"] in ("red", "never", "amber") or not words.missing(row["error"]):
            _what_is_wrong(row)


def state_word(state: str) -> str:
    return {
        "ok": _("answers"),
        "amber": _("late"),
        "red": _("does not answer"),
        "never": _("no answer yet"),
    }.get(state, state)


def _source(row: dict[Any, Any], ticks: pd.DataFrame) -> str:
    cells = [
        f"<td><b>{escape(names.source(row['source']))}</b></td>",
        f"<td><span class='bk-age bk-{escape(row['state'])}'>{escape(state_word(row['state']))}</span></td>",
        f"<td>{words.clock_time(row['last_success_at'], seconds=True)}</td>",
        f"<td>{words.clock_time(row['last_change_at'], seconds=True)}</td>",
        f"<td class='bk-number'>{words.duration(row['age'])}"
        f"<small>{escape(_('every {interval}').format(interval=words.duration(row['interval'])))}</small></td>",
        f"<td>{_ticks(ticks)}</td>",
        *(f"<td class='bk-number'>{words.number(row[k])}</td>" for k in ("seen", "changed", "quarantined")),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _ticks(polls: pd.DataFrame) -> str:
    """A small tick a poll, oldest first: low and quiet where it went well, high and red where it failed."""
    ordered = polls.sort_values("polled_at").tail(60)
    failed = int((ordered["outcome"] != "ok").sum())
    marks = "".join(
        f"<i class='bk-tick bk-{'ok' if outcome == 'ok' else 'red'}' title='{words.clock_time(at)}'></i>"
        for at, outcome in zip(ordered["polled_at"], ordered["outcome"], strict=True)
    )
    said = n_("{failed} of {n} failed", "{failed} of {n} failed", failed).format(
        failed=words.number(failed), n=words.number(len(ordered))
    )
    return f"<span class='bk-ticks'>{marks}</span><small>{escape(said)}</small>"


def _what_is_wrong(row: dict[Any, Any]) -> None:
    """What happened to a source, what it means for the figures, and what to do."""
    name = names.source(row["source"])
    tone: shell.Tone = "red" if row["state"] in ("red", "never") else "amber"
    if row["state"] == "ok":
        shell.banner(_("{source}: the last poll failed, the one before it did not.").format(source=name), "amber")
    elif words.missing(row["last_success_at"]):
        shell.banner(_("{source}: no answer yet. There are no figures from it.").format(source=name), tone)
    else:
        said = _("{source}: last good data of {time}. It stays on the screen, marked stale, until new data comes.")
        shell.banner(said.format(source=name, time=words.clock_time(row["last_success_at"])), tone)
    if not words.missing(row["error"]):
        st.text(_("What the source said: {error}").format(error=row["error"]))


def reason_words(reason: str) -> str:
    """Why a row was set aside, as a coordinator would say it."""
    return {
        "unknown_pec": _("No such PEC in the list"),
        "not_a_choice": _("The answer is none of the choices"),
        "not_a_number": _("Not a number where a number is asked for"),
        "out_of_range": _("The number cannot be right"),
        "no_observer": _("It does not say which observer sent it"),
        "unknown_observer": _("Nobody knows this observer"),
        "in_the_future": _("The time is in the future"),
        "wrong_time": _("The time is outside the days of its checklist"),
        "wrong_pec": _("The observer reports on somebody else's PEC"),
        "unknown_form": _("There is no such checklist"),
        "unknown_question": _("There is no such question in the checklist"),
        "unknown_category": _("There is no such category of incidents"),
        "unknown_report": _("The answer belongs to no report"),
        "missing_key": _("It has no number of its own"),
        "not_json": _("What came is not what this source publishes"),
        "twice": _("The same row twice, with different contents"),
    }.get(reason, reason)


def _set_aside(seen: View) -> None:
    rows = seen.figure(health.quarantined, limit=200)
    shell.heading(_("Set aside: rows that could not be used, and why"))
    if rows.empty:
        shell.empty(_("Nothing is set aside. Every row that came could be used."))
        return
    columns = {
        "since_at": shell.Column(_("Since"), words.clock_time),
        "source": shell.Column(_("Source"), names.source),
        "reason": shell.Column(_("Why"), reason_words, "large"),
        "place": shell.Column(_("Where")),
        "key": shell.Column(_("Key")),
        "field": shell.Column(_("Field")),
        "detail": shell.Column(_("What stood there"), str, "medium"),
    }
    counts = rows.groupby("reason", sort=False).size().sort_values(ascending=False)
    said = "; ".join(f"{reason_words(str(reason))}: {words.number(n)}" for reason, n in counts.items())
    st.text(said)
    count = n_("{n} row", "{n} rows", len(rows)).format(n=words.number(len(rows)))
    chosen = shell.table(rows, columns, key="set_aside", count=count, choose=True)
    if chosen is not None:
        st.caption(_("The row as it came:"))
        st.code(str(rows["raw"].iloc[chosen])[:RAW_LETTERS], language=None, wrap_lines=True)


def _loads(seen: View) -> None:
    rows = seen.figure(health.loads, limit=50)
    shell.heading(_("Loads: what each one brought"))
    if rows.empty:
        shell.empty(_("Nothing has been loaded yet."))
        return
    columns = {
        "load": shell.Column(_("Load"), words.number),
        "committed_at": shell.Column(_("When"), lambda at: words.clock_time(at, seconds=True)),
        "source": shell.Column(_("Source"), names.source),
        "seen": shell.Column(_("Seen"), words.number),
        "changed": shell.Column(_("Changed"), words.number),
        "set_aside": shell.Column(_("Set aside"), words.number),
        "withdrawn": shell.Column(_("Vanished at the source"), words.number),
        "error": shell.Column(_("Error"), str, "large"),
    }
    count = _("the last {n}").format(n=words.number(len(rows)))
    shell.table(rows, {k: v for k, v in columns.items() if k in rows}, key="loads", count=count, height=280)


def _archive(seen: View) -> None:
    rows = seen.figure(health.archive, limit=50)
    shell.heading(_("Archive: what the sources sent, byte for byte"))
    if rows.empty:
        shell.empty(_("Nothing is in the archive yet."))
        return
    columns = {
        "fetched_at": shell.Column(_("When"), lambda at: words.clock_time(at, seconds=True)),
        "source": shell.Column(_("Source"), names.source),
        "feed": shell.Column(_("Feed")),
        "status": shell.Column(_("HTTP status"), lambda v: str(int(v))),
        "size": shell.Column(_("Bytes"), words.number),
        "sha256": shell.Column("SHA-256", str, "medium"),
        "url": shell.Column(_("Address"), str, "medium"),
    }
    count = _("the last {n}").format(n=words.number(len(rows)))
    shell.table(rows, columns, key="archive", count=count, height=280)
