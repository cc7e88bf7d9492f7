"""Results: the commission's own, as it published them; machine and manual count are two series."""

from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from pages import charts, charts_results, names, quick_count, shell, words
from pages.charts_results import count_kind
from pages.shell import Card
from pages.view import View
from pages.words import _
from queries import results, room


def page() -> None:
    shell.title(
        _("Results as the commission published them"),
        _("The commission's own figures, added up here PEC by PEC. The observers' quick count stands apart, below."),
    )
    shell.live(_contests)


def _contests(seen: View) -> None:
    contests = [c.id for c in seen.moment.election.contests]
    for contest, tab in zip(contests, st.tabs([words.verbatim(names.contest(c)) for c in contests]), strict=True):
        with tab:
            _contest(seen, contest)
            quick_count.part(seen, contest)


def _contest(seen: View, contest: str) -> None:
    """The commission's own figures of a contest."""
    rows = seen.figure(results.results, contest=contest, **seen.place)
    published = rows[rows["pecs"] > 0]
    if published.empty:
        return shell.empty(
            _(
                "The commission has published no result yet. Machine counts come after the polls close at {time}."
            ).format(time=words.clock_time(_close(seen)))
        )
    shell.figure_cards([_counted(seen, kind) for kind in results.COUNTS])
    left, right = st.columns([3, 2], gap="large")
    with left:
        _lists(seen, contest, rows)
    with right:
        _progress(seen, contest)
    _votes(rows, contest)
    _places(seen, contest, published)


def _counted(seen: View, kind: str) -> Card:
    """'63.00% of PECs published: 1,571 of 2,494': how much of a count is there."""
    rows = seen.figure(room.counted)
    rows = rows[rows["count"] == kind]
    title = count_kind(kind).capitalize()
    if rows.empty:
        return Card(title, words.NOTHING, (_("nothing published yet"),))
    row: dict[Any, Any] = rows.iloc[0].to_dict()
    lines = (_("{fraction} PECs").format(fraction=words.fraction(row["pecs"], row["of"])),)
    return Card(title, words.percent(row["value"], 2), lines, "", _("of PECs published"))


def _lists(seen: View, contest: str, rows: pd.DataFrame) -> None:
    """Machine and manual side by side on the PECs that have both; before there are any, one count alone."""
    both = seen.figure(results.both, contest=contest)
    both = both[both["kind"] == "list"]
    spec = seen.spec("results_both", lambda: charts_results.lists(both), contest)
    if spec:
        columns = {
            "list": shell.Column(_("List"), names.list_of_candidates),
            "machine": shell.Column(_("Machine"), words.number),
            "manual": shell.Column(_("Manual"), words.number),
            "pecs": shell.Column(_("PECs with both"), words.number),
        }
        return charts.draw(spec, f"results_both_{contest}", both, columns)
    kind = "machine" if rows[rows["count"] == "machine"]["pecs"].any() else "manual"
    own = rows[(rows["count"] == kind) & (rows["kind"] == "list")]
    one = seen.spec("results_one", lambda: charts_results.one_count(own, kind), contest)
    charts.draw(one, f"results_one_{contest}")


def _progress(seen: View, contest: str) -> None:
    rows = seen.figure(results.progress, contest=contest)
    columns = {
        "count": shell.Column(_("Count"), count_kind),
        "at_at": shell.Column(_("Time"), words.clock_time),
        "pecs": shell.Column(_("PECs"), words.number),
        "of": shell.Column(_("Of"), words.number),
    }
    spec = seen.spec("results_progress", lambda: charts_results.counted(rows, _close(seen), seen.moment.at), contest)
    if spec:
        charts.draw(spec, f"results_progress_{contest}", rows, columns)


def _votes(rows: pd.DataFrame, contest: str) -> None:
    """Every list and line: machine and manual apart, each with the ballots it is a share of."""
    shell.heading(_("Votes and share of the ballots by list, each count on the PECs that published it"))
    columns = {"list": shell.Column(_("List"), names.line), **_sides()}
    shell.table(_side_by_side(rows, "list"), columns, f"results_votes_{contest}")


def _places(seen: View, contest: str, published: pd.DataFrame) -> None:
    """One list by region and by district, machine and manual apart."""
    ordered = published[published["kind"] == "list"].sort_values("votes", ascending=False)
    chosen = st.selectbox(
        _("List"),
        list(dict.fromkeys(ordered["list"])),
        format_func=names.list_of_candidates,
        key=f"results_list_{contest}",
        width=320,
    )
    title = {"region": _("Votes for {list} by region"), "district": _("Votes for {list} by district")}
    shown = {"region": shell.Column(_("Region"), names.region), "district": shell.Column(_("District"), names.district)}
    for place in ("region", "district"):
        rows = seen.figure(results.results, contest=contest, by=("list", "count", place), **seen.place)
        rows = _side_by_side(rows[rows["list"] == chosen], place)
        shell.heading(title[place].format(list=names.list_of_candidates(str(chosen))))
        shell.table(rows, {place: shown[place], **_sides()}, f"results_{place}_{contest}")


def _side_by_side(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """One row a `key`, with the columns of each count that has been published: 'machine_votes', 'manual_share'."""
    machine, manual = (
        rows[(rows["count"] == kind) & (rows["pecs"] > 0)].set_index(key)[list(_FIGURES)].add_prefix(f"{kind}_")
        for kind in results.COUNTS
    )
    order = list(dict.fromkeys(rows[key]))
    return machine.join(manual, how="outer").reindex(order).dropna(how="all").reset_index()


_FIGURES = ("votes", "share", "base", "pecs")


def _sides() -> shell.Columns:
    said = {
        "machine": [_("Machine: votes"), _("Machine: share"), _("Machine: ballots"), _("Machine: PECs")],
        "manual": [_("Manual: votes"), _("Manual: share"), _("Manual: ballots"), _("Manual: PECs")],
    }
    shows = (words.number, lambda share: words.percent(share, 2), words.number, words.number)
    return {
        f"{kind}_{figure}": shell.Column(title, show)
        for kind, titles in said.items()
        for figure, title, show in zip(_FIGURES, titles, shows, strict=True)
    }


def _close(seen: View) -> datetime:
    """When the polls close."""
    election = seen.moment.election
    return next((election.instant(p.starts) for p in election.phases if p.id == "closing"), seen.moment.at)
