"""Feed: what the commission publishes, held against itself: checks, what turned, the change log, the archive."""

from typing import Any

import pandas as pd
import streamlit as st

from pages import change_log, check_words, contradictions, embargoed, feed_names, names, payloads, refused, shell, words
from pages.shell import Card
from pages.view import View
from pages.words import _, n_
from queries import checks, embargo, feed, judged
from queries.contradictions import by_step

_TIERS = ("A", "B", "C")


def page() -> None:
    shell.title(
        _("What the commission publishes, held against itself"),
        _("Every figure is checked when it comes. A check says that figures differ, not who is right."),
    )
    shell.live(refused.accept)
    shell.live(embargoed.note)
    shell.live(_cards)
    shell.live(contradictions.listed)
    shell.live(_turned)
    shell.live(_checks)
    change_log.choose_filters()
    shell.live(change_log.over_time)
    shell.live(change_log.listed)
    payloads.choose_filters()
    shell.live(payloads.listed)


def _cards(seen: View) -> None:
    made = embargo.open_checks(seen.moment, seen.figure(checks.checks))
    changed = seen.figure(feed.counted, **seen.place)
    stands = contradictions.shown(seen)
    stands = stands[stands["standing"] == "stands"]
    by_tier = checks.counted(made, "tier").set_index("tier").to_dict("index")
    cards = [_tier(by_tier[tier], tier) for tier in _TIERS]
    cards.insert(0, _contradictions(seen, stands))
    cards.append(
        Card(
            _("Figures changed or vanished"),
            words.number(changed["figures"]),
            (_("votes among them: {n}").format(n=words.number(changed["votes"])),),
        )
    )
    shell.figure_cards(cards)
    of_pecs = checks.counted(made[(made["tier"] == "A") & (made["scope"] == "pec")], "count")
    for row in of_pecs[of_pecs["checks"] > 0].to_dict("records"):
        said = _("{figures}: {fraction} checks of arithmetic hold.").format(
            figures=words.sentence(feed_names.figures(row["count"], "pec")),
            fraction=words.fraction(row["right"], row["checks"]),
        )
        st.caption(said)


def _contradictions(seen: View, stands: pd.DataFrame) -> Card:
    """How many there are; before the embargo ends without what is under it, and none is not green then."""
    whole = embargo.lifted(seen.moment)
    lines = [contradictions.steps_said(by_step(stands)), "" if whole else _("without what is under embargo")]
    if stands.empty:
        return Card(
            _("Contradictions now"), words.number(0), lines, "green" if whole else "", _("none") if whole else ""
        )
    worst = stands["severity"].iloc[0]  # the severest stands first
    return Card(
        _("Contradictions now"), words.number(len(stands)), lines, "red" if worst == "critical" else "amber",
        names.severity(worst),
    )  # fmt: skip


def _tier(own: dict[Any, Any], tier: str) -> Card:
    """'24 of 26 hold': the checks of a tier that could be made."""
    if not own["checks"]:
        return Card(check_words.tier(tier), words.NOTHING, (_("nothing to compare yet"),))
    compared = _("{n} comparisons").format(n=words.number(own["judged"]))
    if tier == "C":
        return Card(check_words.tier(tier), words.number(own["wrong"]), (_("unusual figures listed"), compared))
    waiting = n_("{n} cannot be judged yet", "{n} cannot be judged yet", own["waiting"])
    lines = [_("checks hold"), compared, waiting.format(n=words.number(own["waiting"])) if own["waiting"] else ""]
    return Card(check_words.tier(tier), words.fraction(own["right"], own["checks"]), lines)


def _turned(seen: View) -> None:
    rows = embargo.open_checks(seen.moment, seen.figure(judged.turned))
    shell.heading(_("Checks that turned: what held and does not hold now, and what holds again"))
    if waiting := seen.figure(judged.waiting):
        said = n_("{n} poll is not judged yet.", "{n} polls are not judged yet.", waiting)
        shell.empty(said.format(n=words.number(waiting)))
    if rows.empty:
        return None if waiting else shell.empty(_("No check has turned yet."))
    rows = rows.assign(
        said=[check_words.turn(*turn) for turn in zip(rows["was"], rows["state"], rows["tier"], strict=True)],
        figures=[feed_names.figures(c, s) for c, s in zip(rows["count"], rows["scope"], strict=True)],
        of=[words.fraction(w, j) for w, j in zip(rows["wrong"], rows["judged"], strict=True)],
    )
    columns = {
        "judged_at": shell.Column(_("When"), words.clock_time),
        "check": shell.Column(_("Check"), check_words.title, "medium"),
        "said": shell.Column(_("What")),
        "figures": shell.Column(_("Figures"), width="medium"),
        "wrong": shell.Column(_("Do not hold"), words.number),
        "judged": shell.Column(_("Compared"), words.number),
        "severity": shell.Column(_("Severity"), names.severity),
        "payload": shell.Column(_("Payload"), words.number),
    }
    count = n_("{n} turn", "{n} turns", len(rows)).format(n=words.number(len(rows)))
    shell.table(rows, columns, "turned", count=count)
    return None


def _checks(seen: View) -> None:
    shell.heading(_("The checks, and what each of them compared"))
    for tier, tab in zip(_TIERS, st.tabs([check_words.tier(t) for t in _TIERS]), strict=True):
        with tab:
            if tier == "C":
                shell.empty(
                    _("Unusual figures, the least likely by chance first. Each has explanations that are no fault.")
                )
            _states(seen, tier)
            _findings(seen, tier)


def _states(seen: View, tier: str) -> None:
    rows = embargo.open_checks(seen.moment, seen.figure(judged.states))
    rows = rows[rows["tier"] == tier]
    rows = rows.assign(
        figures=[feed_names.figures(c, s) for c, s in zip(rows["count"], rows["scope"], strict=True)]
    ).reset_index(drop=True)
    columns = {
        "check": shell.Column(_("Check"), check_words.title, "large"),
        "figures": shell.Column(_("Figures"), width="medium"),
        "state": shell.Column(_("State"), lambda state: check_words.state(state, tier)),
        "wrong": shell.Column(_("Listed") if tier == "C" else _("Do not hold"), words.number),
        "judged": shell.Column(_("Compared"), words.number),
        "since_at": shell.Column(_("Since"), words.clock_time),
        "since_payload": shell.Column(_("With payload"), words.number),
        "severity": shell.Column(_("Severity"), names.severity),
    }
    own = checks.counted(rows, "tier").iloc[0]
    count = _("{fraction} checks hold").format(fraction=words.fraction(own["right"], own["checks"]))
    shell.table(rows, columns, f"checks_{tier}", count="" if tier == "C" else count)


def _findings(seen: View, tier: str) -> None:
    """One row a comparison that does not hold, its arithmetic, and for what is to be looked at the explanations."""
    found = embargo.open_findings(seen.moment, seen.figure(checks.findings, tier=tier, region=seen.region))
    if seen.district:
        found = found[found["district"] == seen.district]
    if found.empty:
        return
    does_not_hold = n_("{n} comparison that does not hold", "{n} comparisons that do not hold", len(found))
    to_look_at = n_("{n} figure to look at", "{n} figures to look at", len(found))
    count = (to_look_at if tier == "C" else does_not_hold).format(n=words.number(len(found)))
    contradictions.arithmetic(found.reset_index(drop=True), f"findings_{tier}", count)
    for check in dict.fromkeys(found["check"]):
        if explained := check_words.innocent(check):
            st.caption(_("{check}: what else may be behind it").format(check=check_words.title(check)))
            st.text("\n".join(f"· {line}" for line in explained))
