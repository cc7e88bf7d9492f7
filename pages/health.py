"""Data health: is every source answering, what was set aside and why, what was loaded and kept. For 2 a.m."""

import json
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from pages import alarms, bursts, frame, names, pulse, refused, shell, words
from pages.present import present
from pages.view import View
from pages.words import _, n_
from queries import embargo, health


def page() -> None:
    shell.title(_("Data health"), _("Whether the sources answer, and what could not be used."))
    shell.live(frame.banner)
    shell.live(frame.accept)
    shell.live(bursts.banner)
    shell.live(_sources)
    shell.live(refused.losses)
    shell.live(_set_aside)
    shell.live(_loads)
    shell.live(_archive)


def _sources(seen: View) -> None:
    now = seen.as_of is None
    rows = present.known().sources if now else seen.figure(health.health)  # as the strip has them
    ticks = seen.figure(health.polls, minutes=60)
    body = "".join(_source(row, ticks[ticks["source"] == row["source"]], now) for row in rows.to_dict("records"))
    heads = (
        _("Source"), _("State"), _("Last success"), _("Last change"), _("Age"), _("Polls in the last hour"),
        _("Rows in the last poll"), _("Figures changed last"), _("Set aside"),
    )  # fmt: skip
    numbers = {_("Rows in the last poll"), _("Figures changed last"), _("Set aside"), _("Age")}
    head = "".join(f"<th{' class=bk-number' if h in numbers else ''}>{escape(h)}</th>" for h in heads)
    st.html(
        f"<div class='scrolls'><table class='bk-table bk-sources'><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )
    for row in rows.to_dict("records"):
        if not words.missing(row["error"]):
            said = _("{source}, the last poll failed: {error}")
            shell.empty(said.format(source=names.source(row["source"]), error=words.beginning(row["error"])))
        for alarm in row["alarms"]:
            shell.banner(alarms.said(row["source"], alarm), "red")


def state_word(state: str) -> str:
    return {
        "ok": _("in order"),
        "amber": _("late"),
        "red": _("stale"),
        "never": _("no answer yet"),
    }.get(state, state)


def _source(row: dict[Any, Any], ticks: pd.DataFrame, goes_on: bool) -> str:
    """A row of the table; of now its age and state go on by themselves."""
    every = _("every {interval}").format(interval=words.duration(row["interval"]))
    state, said, alarm = row["state"], state_word(row["state"]), ""
    if row["alarms"]:
        alarm = _("answers, with an alarm")
        state, said = "red", alarm if state in ("ok", "amber") else said
    last = words.clock_time(row["last_success_at"], seconds=True)
    if goes_on and not words.missing(row["last_success_at"]):
        last = pulse.time_goes_on(row["last_success_at"], last)
    cells = [
        f"<td><b>{escape(names.source(row['source']))}</b></td>",
        f"<td><span class='bk-age bk-{escape(state)}' data-alarm='{escape(alarm)}' data-late "
        f"data-ok='{escape(state_word('ok'))}'>{escape(said)}</span></td>",
        f"<td>{last}</td>",
        f"<td>{words.clock_time(row['last_change_at'], seconds=True)}</td>",
        f"<td class='bk-number'><span data-age>{words.duration(row['age'])}</span><small>{escape(every)}</small></td>",
        f"<td>{_ticks(ticks, row['polls'], row['failed'])}</td>",
        *(f"<td class='bk-number'>{words.number(row[k])}</td>" for k in ("seen", "changed")),
        f"<td class='bk-number'>{_rejected(row)}</td>",
    ]
    return f"<tr {pulse.goes_on(row) if goes_on else ''}>{''.join(cells)}</tr>"


def _ticks(polls: pd.DataFrame, n: int, failed: int) -> str:
    """A small tick a poll, the last sixty: low and quiet where it went well, high and red where it failed."""
    last = polls.tail(60)
    marks = "".join(
        f"<i class='bk-tick bk-{'ok' if outcome == 'ok' else 'red'}' title='{words.clock_time(at)}'></i>"
        for at, outcome in zip(last["polled_at"], last["outcome"], strict=True)
    )
    said = n_("{failed} of {n} failed", "{failed} of {n} failed", failed).format(
        failed=words.number(failed), n=words.number(n)
    )
    return f"<span class='bk-ticks'>{marks}</span><small>{escape(said)}</small>"


def _readable(raw: str) -> str:
    """The raw row with its letters as letters."""
    if len(raw) > 100 * words.MOST_LETTERS:
        return raw
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False, indent=1)
    except ValueError:
        return raw


def _set_aside(seen: View) -> None:
    causes = seen.figure(health.causes)
    shell.heading(
        _("Set aside: rows that could not be used, and why"), _("Choose a cause to see its rows, a row to read it.")
    )
    if causes.empty:
        shell.empty(_("Nothing is set aside. Every row that came could be used."))
        return
    columns = {
        "rows": shell.Column(_("Rows"), words.number),
        "reason": shell.Column(_("Why"), names.reason),
        "place": shell.Column(_("What"), names.view),
        "pecs": shell.Column(_("PECs"), words.number),
        "observers": shell.Column(_("Observers"), words.number),
        "since_at": shell.Column(_("Since"), words.clock_time),
        "source": shell.Column(_("Source"), names.source),
    }
    chosen = shell.table(causes, columns, key="causes", count=_said_of(seen), choose=True)
    cause = {} if chosen is None else {name: str(causes[name].iloc[chosen]) for name in ("source", "place", "reason")}
    _rows(embargo.open_quarantine(seen.moment, seen.figure(health.quarantined, limit=200, **cause)))


def _said_of(seen: View) -> str:
    """'Observers: 30 of 1,551 rows set aside'."""
    said = _("{source}: {rejected} rows set aside")
    rows = seen.figure(health.health)
    return " · ".join(
        said.format(source=names.source(row["source"]), rejected=_rejected(row))
        for row in rows[rows["quarantined"] > 0].to_dict("records")
    )


def _rejected(row: dict[Any, Any]) -> str:
    """'30 of 1,551'; of how many is not known before a look at the source has counted them."""
    if not row["quarantined"] or words.missing(row["of"]):
        return words.number(row["quarantined"])
    return words.fraction(row["quarantined"], row["of"])


def _rows(rows: pd.DataFrame) -> None:
    """Some of them, newest first; a chosen one as it came."""
    columns = {
        "since_at": shell.Column(_("Since"), words.clock_time),
        "place": shell.Column(_("What"), names.view),
        "reason": shell.Column(_("Why"), names.reason),
        "detail": shell.Column(_("What stood there"), names.reason, "medium"),
        "pec": shell.Column(_("PEC")),
        "observer": shell.Column(_("Observer")),
        "field": shell.Column(_("Field")),
        "key": shell.Column(_("Key")),
        "source": shell.Column(_("Source"), names.source),
    }
    count = _("the last {n}").format(n=words.number(len(rows)))
    chosen = shell.table(rows, columns, key="set_aside", count=count, choose=True)
    if chosen is not None:
        raw = rows["raw"].iloc[chosen]
        if words.missing(raw):
            st.caption(_("What stood there may be under embargo."))
            return
        st.caption(_("The row as it came:"))
        st.code(words.beginning(_readable(str(raw))), language=None, wrap_lines=True)


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
