"""Comparison: the commission's figures held against the observers', PEC by PEC, as shares, as sums."""

from typing import Any

from pages import check_words, embargoed, filters, names, shell, view, words
from pages.shell import Card
from pages.view import View
from pages.words import _, n_
from queries import comparison, embargo

_DEFAULT_LINE = "found"  # under embargo at no hour


def page() -> None:
    shell.title(
        _("The commission's figures held against the observers'"),
        _("Sampled PECs only. A copy that was not obtained is never counted as equal."),
    )
    shell.live(embargoed.note)
    shell.live(_copies)
    shell.live(_states)
    shell.heading(_("PEC by PEC: the observers' copy, the machine count, the manual protocol"))
    filters.choose(
        "comparison",
        protocol=(_("All states"), _states_said()),
        against=(_("held against: manual count"), {"machine": _("held against: machine count")}),
        line=(_("line: ballots in the boxes"), _lines(view.view())),
    )
    shell.live(_protocols)
    shell.live(_sums)
    shell.live(_shares)


def state(id: str) -> str:
    return _states_said().get(id, id)


def copy(id: str) -> str:
    return _("the observers differ") if id == "conflict" else names.choice(id)


def _states_said() -> dict[str, str]:
    return {
        "differs": _("differs"),
        "conflict": _("the observers differ"),
        "equal": _("equal"),
        "not_published": _("not yet published"),
        "copy_not_obtained": _("copy not obtained"),
        "not_observed": _("not observed"),
    }


def _lines(seen: View) -> dict[str, str]:
    """The lines of the protocols and the lists, but for the one that is shown without being chosen; before the embargo
    ends without those that are under it."""
    election = seen.moment.election
    hidden = () if embargo.lifted(seen.moment) else embargo.lines(election)
    fields = [f for f in comparison.asked_fields(election) if f != _DEFAULT_LINE and f not in hidden]
    return {field: check_words.line(field) for field in fields}


def _asked(seen: View) -> dict[str, Any]:
    """The filters as the queries take them; before the embargo ends without the lines that are under it."""
    against = filters.chosen("against", {"machine": ""}) or "manual"
    return {"against": against, "whole": embargo.lifted(seen.moment), **seen.place}


def _copies(seen: View) -> None:
    """What became of the copies: certified, photographed, promised, refused."""
    rows = seen.figure(comparison.protocols, **_asked(seen))
    counts = rows["copy"].fillna("").value_counts()
    shell.heading(_("Copies of the protocol that observers obtained, by PEC"))
    if rows["copy"].isna().all():
        return shell.empty(_expected(seen))
    cards = [
        Card(words.sentence(names.choice(c)), words.number(counts.get(c, 0)), (_of(len(rows)),))
        for c in comparison.copies(seen.moment.election)
    ]
    said = _("Nothing said of a copy yet")
    cards.append(Card(said, words.number(counts.get("", 0)), (_of(len(rows)),)))
    shell.figure_cards(cards)
    return None


def _expected(seen: View) -> str:
    """Until the first protocol has come: when they are expected."""
    election = seen.moment.election
    forms = [election.forms[c.protocol_form] for c in election.contests if c.protocol_form]
    if not forms:
        return _("This election asks observers for no protocol.")
    due = [election.instant(f.due) for f in forms if f.due]
    said = _("No protocol has come yet. They are expected from {opens}, due by {due}.")
    return said.format(
        opens=words.clock_time(min(election.instant(f.opens) for f in forms)),
        due=words.clock_time(min(due) if due else None),
    )


def _of(n: int) -> str:
    return _("of {n} sampled PECs").format(n=words.number(n))


def _states(seen: View) -> None:
    rows = seen.figure(comparison.protocols, **_asked(seen))
    counts = rows["state"].value_counts()
    if counts.get("not_observed", 0) == len(rows):
        return
    tones: dict[str, shell.Tone] = {"differs": "amber", "equal": "green"}
    cards = [
        Card(
            said.capitalize(),
            words.number(counts.get(id, 0)),
            (_of(len(rows)),),
            tones.get(id, "") if counts.get(id) else "",
        )
        for id, said in _states_said().items()
        if id != "conflict" or counts.get(id)
    ]
    under = "" if embargo.lifted(seen.moment) else _("Of the lines that are not under embargo.")
    shell.heading(_("Protocols of the sample by how they compare"), under)
    shell.figure_cards(cards)


def _protocols(seen: View) -> None:
    """The sampled PECs, those that differ in votes first; one line of each protocol side by side."""
    asked = _asked(seen)
    rows = seen.figure(comparison.protocols, **asked)
    only, line = filters.chosen("protocol", _states_said()), filters.chosen("line", _lines(seen)) or _DEFAULT_LINE
    fields = embargo.open_fields(seen.moment, seen.figure(comparison.fields, against=asked["against"], **seen.place))
    sides = fields.loc[fields["field"] == line, ["contest", "pec", "observed", "machine", "manual", "difference"]]
    rows = rows.merge(sides, on=["contest", "pec"], how="left", sort=False)
    whole = len(rows)
    rows = rows if only is None else rows[rows["state"] == only]
    if rows.empty:
        return shell.empty(_("No PEC fits these filters."))
    columns = {
        "pec": shell.Column(_("PEC")),
        "state": shell.Column(_("State"), state),
        "observed": shell.Column(_("Observers"), words.number),
        "machine": shell.Column(_("Machine"), words.number),
        "manual": shell.Column(_("Manual"), words.number),
        "difference": shell.Column(_("Difference"), words.number),
        "votes_moved": shell.Column(_("Votes apart"), words.number),
        "differing": shell.Column(_("Lines that differ"), words.number),
        "compared": shell.Column(_("Lines compared"), words.number),
        "copy": shell.Column(_("Copy"), copy),
        "region": shell.Column(_("Region"), names.region),
        "district": shell.Column(_("District"), names.district, "medium"),
    }
    if not asked["whole"]:
        del columns["votes_moved"]
    count = _("{fraction} PECs. Observers, machine and manual: {line}").format(
        fraction=words.fraction(len(rows), whole), line=check_words.line(line)
    )
    shell.table(rows.reset_index(drop=True), columns, "protocols", count=count, opens_pec=True, height=480)
    return None


def _sums(seen: View) -> None:
    """Level 3: the commission's own figures at the PECs of the sample; there is no sampling error in it."""
    if not embargo.lifted(seen.moment):
        return
    rows = seen.figure(comparison.sums, **seen.place)
    pecs = int(rows["pecs"].max()) if len(rows) else 0
    shell.heading(
        _("Added up over the same PECs: the observers' copies and the commission's manual protocols"),
        _("{fraction} sampled PECs can be compared. Nothing here is an estimate.").format(
            fraction=words.fraction(pecs, int(rows["of"].max()) if len(rows) else 0)
        ),
    )
    if not pecs:
        return shell.empty(_("No copy can be compared with a manual protocol yet."))
    columns = {
        "field": shell.Column(_("Line"), check_words.line, "medium"),
        "observed": shell.Column(_("Observers"), words.number),
        "manual": shell.Column(_("Manual"), words.number),
        "difference": shell.Column(_("Difference"), words.number),
        "differing": shell.Column(_("PECs that differ"), words.number),
        "pecs": shell.Column(_("PECs compared"), words.number),
        "machine": shell.Column(_("Machine"), words.number),
        "machine_pecs": shell.Column(_("PECs with a machine count"), words.number),
    }
    shell.table(rows, columns, "comparison_sums", height=420)
    return None


def _shares(seen: View) -> None:
    """Level 2: the sample's estimate of each list's share against the commission's."""
    if not embargo.lifted(seen.moment):
        return
    rows = seen.figure(comparison.shares)
    shell.heading(
        _("The sample's estimate of each share in the country against the commission's manual protocols"),
        _("Held against each other only where the light allows a number and enough PECs are published."),
    )
    rows = rows.assign(
        interval=[
            words.NOTHING if words.missing(low) else words.interval(low, high, c)
            for low, high, c in zip(rows["low"], rows["high"], rows["confidence"], strict=True)
        ],
        basis=[words.fraction(n, of) for n, of in zip(rows["n"], rows["of"], strict=True)],
        theirs=[
            words.NOTHING if words.missing(s) else words.share(s, v, b, 2)
            for s, v, b in zip(rows["published"], rows["published_votes"], rows["published_base"], strict=True)
        ],
        pecs=[words.fraction(n, of) for n, of in zip(rows["published_pecs"], rows["published_of"], strict=True)],
        said=[held(s, w) for s, w in zip(rows["state"], rows["why"], strict=True)],
    )
    columns = {
        "list": shell.Column(_("List"), check_words.line, "medium"),
        "value": shell.Column(_("Estimate"), lambda v: words.percent(v, 2)),
        "interval": shell.Column(_("Interval"), width="medium"),
        "basis": shell.Column(_("PECs of the sample")),
        "theirs": shell.Column(_("Commission, manual"), width="medium"),
        "pecs": shell.Column(_("PECs published")),
        "said": shell.Column(_("Held against each other"), width="medium"),
    }
    count = n_("{n} share", "{n} shares", len(rows)).format(n=words.number(len(rows)))
    shell.table(rows, columns, "comparison_shares", count=count, height=420)


def held(state: str, why: object) -> str:
    """How a share compares: a row of `comparison.shares`."""
    if state == "not_comparable":
        return {
            "light": _("not comparable: too few of the sample"),
            "published": _("not comparable: too few PECs published"),
        }.get(str(why), _("not comparable"))
    return {"inside": _("inside the interval"), "outside": _("outside the interval")}[state]
