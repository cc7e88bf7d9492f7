"""Comparison: the commission's figures held against the observers', PEC by PEC, as shares, as sums."""

from typing import Any

from pages import check_words, embargoed, filters, names, shell, view, words
from pages.shell import Card
from pages.view import View
from pages.words import _, n_
from queries import comparison, embargo


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
        protocol=(_("All states"), states_said(view.view())),
        against=(_("held against: manual count"), {"machine": _("held against: machine count")}),
        line=(_("line: the one that differs most"), _lines(view.view())),
    )
    shell.live(_protocols)
    shell.live(_sums)
    shell.live(_shares)


def copy(id: str) -> str:
    return _("the observers differ") if id == "conflict" else names.choice(id)


def state(id: str, awaited: bool = False) -> str:
    """What a protocol's state is called; `awaited`: one that has not come may still be on its way."""
    return {
        "differs": _("differs"),
        "conflict": _("the observers differ"),
        "equal": _("equal"),
        "not_published": _("not yet published"),
        "copy_not_obtained": _("copy not obtained"),
        "not_observed": _("awaited") if awaited else _("not observed"),
    }.get(id, id)


def states_said(seen: View) -> dict[str, str]:
    """What each state of a protocol is called at this hour."""
    awaited = seen.figure(comparison.awaited)
    return {id: state(id, awaited) for id in comparison.PROTOCOL}


def _lines(seen: View) -> dict[str, str]:
    """The lines of the protocols and the lists; before the embargo ends without those that are under it."""
    election = seen.moment.election
    hidden = () if embargo.lifted(seen.moment) else embargo.lines(election)
    return {field: check_words.line(field) for field in comparison.asked_fields(election) if field not in hidden}


def _against() -> str:
    """The count of the commission's that the reader chose."""
    return filters.chosen("against", {"machine": ""}) or "manual"


def _asked(seen: View) -> dict[str, Any]:
    """The filters as the queries take them; before the embargo ends without the lines that are under it."""
    return {"against": _against(), "whole": embargo.lifted(seen.moment), **seen.place}


def _copies(seen: View) -> None:
    """What became of the copies: certified, photographed, promised, refused."""
    rows = seen.figure(comparison.protocols, **_asked(seen))
    counts = seen.figure(comparison.counted, column="copy", **_asked(seen))
    shell.heading(_("Copies of the protocol that observers obtained, by PEC"))
    if list(counts.index) in ([], [""]):
        return shell.empty(_expected(seen))
    said = {c: words.sentence(names.choice(c)) for c in comparison.copies(seen.moment.election)}
    if "conflict" in counts.index:
        said["conflict"] = words.sentence(copy("conflict"))
    said[""] = _("Nothing said of a copy yet")
    cards = [Card(word, words.number(counts.get(c, 0)), (_of(len(rows)),)) for c, word in said.items()]
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
    counts = seen.figure(comparison.counted, column="state", **_asked(seen))
    if list(counts.index) in ([], ["not_observed"]):
        return
    tones: dict[str, shell.Tone] = {"differs": "amber", "equal": "green"}
    cards = [
        Card(
            said.capitalize(),
            words.number(counts.get(id, 0)),
            (_of(len(rows)),),
            tones.get(id, "") if counts.get(id) else "",
        )
        for id, said in states_said(seen).items()
        if id != "conflict" or counts.get(id)
    ]
    under = "" if embargo.lifted(seen.moment) else _("Of the lines that are not under embargo.")
    shell.heading(_("Protocols of the sample by how they compare"), under)
    shell.figure_cards(cards)


def _protocols(seen: View) -> None:
    """The sampled PECs, those that differ in votes first; one line of each protocol side by side."""
    asked, said = _asked(seen), states_said(seen)
    only, line = filters.chosen("protocol", said), filters.chosen("line", _lines(seen))
    rows = seen.figure(comparison.protocols, line=line, **asked)
    if len(rows) and rows[["copy", "machine", "manual"]].isna().all(axis=None):
        return shell.empty(_("Neither the observers nor the commission have a protocol of these PECs yet."))
    whole = len(rows)
    rows = rows if only is None else rows[rows["state"] == only]
    if rows.empty:
        return shell.empty(_("No PEC fits these filters."))
    columns = {
        "pec": shell.Column(_("PEC")),
        "state": shell.Column(_("State"), lambda id: said.get(id, id)),
        "field": shell.Column(_("Line"), check_words.line, "medium"),
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
    count = _("{fraction} PECs").format(fraction=words.fraction(len(rows), whole))
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
    by_machine = _against() == "machine"
    rows = seen.figure(comparison.shares, against=_against())
    shell.heading(
        _("The sample's estimate of each share in the country against the commission's machine count")
        if by_machine
        else _("The sample's estimate of each share in the country against the commission's manual protocols"),
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
        "theirs": shell.Column(_("Commission, machine") if by_machine else _("Commission, manual"), width="medium"),
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
