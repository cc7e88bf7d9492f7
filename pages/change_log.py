"""The change log: every figure that the commission changed after it had published it, and what vanished."""

from pages import charts, charts_feed, check_words, feed_names, filters, names, shell, words
from pages.view import View
from pages.words import _, n_
from queries import feed


def _kinds() -> dict[str, str]:
    return {kind: charts_feed.kind(kind) for kind in feed.KINDS}


def _counts() -> dict[str, str]:
    return {"machine": _("machine count"), "manual": _("manual count"), "turnout": _("turnout")}


def _lines() -> dict[str, str]:
    return {"votes": _("only votes of lists"), "other": _("only other lines")}


def choose_filters() -> None:
    """Kind of change, count, votes or not; region and district are the strip's."""
    shell.heading(_("What the commission changed after it had published it"))
    filters.choose(
        "changes",
        change=(_("All changes"), _kinds()),
        change_count=(_("All counts"), _counts()),
        change_lines=(_("Votes and other lines"), _lines()),
    )


def over_time(seen: View) -> None:
    hours = seen.figure(feed.changes_by_hour)
    columns = {
        "hour_at": shell.Column(_("Hour"), words.clock_time),
        "kind": shell.Column(_("What"), charts_feed.kind),
        "figures": shell.Column(_("Figures"), words.number),
        "pecs": shell.Column(_("PECs"), words.number),
        "votes": shell.Column(_("Of them votes"), words.number),
    }
    if spec := seen.spec("changes_by_hour", lambda: charts_feed.changes(hours)):
        charts.draw(spec, "changes_by_hour", hours, columns)


def listed(seen: View) -> None:
    kind, count = filters.chosen("change", _kinds()), filters.chosen("change_count", _counts())
    lines = filters.chosen("change_lines", _lines())
    rows = seen.figure(feed.changes, kind=kind, count=count, **seen.place)
    rows = rows if lines is None else rows[rows["votes"] == (lines == "votes")]
    if rows.empty:
        return shell.empty(
            _("No change fits these filters.")
            if any((kind, count, lines, *seen.place.values()))
            else _("Nothing that was published has been changed since.")
        )
    rows = rows.assign(
        where=[check_words.place(s, p) for s, p in zip(rows["scope"], rows["place"], strict=True)],
        figures=[feed_names.figures(c, s) for c, s in zip(rows["count"], rows["scope"], strict=True)],
        pec=rows["place"].where(rows["scope"] == "pec", ""),
        **{
            side: [check_words.value(u, v) for u, v in zip(rows["unit"], rows[side], strict=True)]
            for side in ("from_value", "to_value", "size")
        },
        **{name: [_truth(v) for v in rows[name]] for name in ("votes", "after_manual")},
    )
    shell.table(
        rows.reset_index(drop=True),
        _columns(),
        "changes",
        count=n_("{n} change", "{n} changes", len(rows)).format(n=words.number(len(rows))),
        opens_pec=bool((rows["scope"] == "pec").all()),
        height=420,
    )


def _columns() -> shell.Columns:
    return {
        "seen_at": shell.Column(_("Seen"), words.clock_time),
        "kind": shell.Column(_("What"), charts_feed.kind),
        "where": shell.Column(_("Where")),
        "figures": shell.Column(_("Figures"), width="medium"),
        "line": shell.Column(_("Line"), check_words.line),
        "unit": shell.Column(_("Unit"), _unit),
        "from_value": shell.Column(_("Was")),
        "to_value": shell.Column(_("Is")),
        "size": shell.Column(_("Difference")),
        "votes": shell.Column(_("Votes touched")),
        "after_manual": shell.Column(_("After the manual protocol")),
        "returned_at": shell.Column(_("Came back"), words.clock_time),
        "region": shell.Column(_("Region"), names.region),
        "from_payload": shell.Column(_("Payload before"), words.number),
        "to_payload": shell.Column(_("Payload after"), words.number),
    }


def _truth(value: object) -> str:
    """A truth in a word: a table draws it as a box to tick otherwise."""
    return "" if words.missing(value) else _("yes") if value else _("no")


def _unit(id: str) -> str:
    return {"percent": "%", "number": _("number")}.get(id, "")
