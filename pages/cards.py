"""The situation room's cards: which five figures each phase of the day puts first, and how each is said."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from pages import charts_day, contradictions, names, words
from pages.shell import Card, Tone, cards_html
from pages.view import View, day_ends
from pages.words import _, n_
from queries import room

_TONES: dict[str, Tone] = {"green": "green", "amber": "amber", "red": "red"}


def html(seen: View) -> str:
    """The five cards, drawn."""
    return cards_html(of_the_phase(seen))


def of_the_phase(seen: View) -> list[Card]:
    """Five cards, by what the hour asks for."""
    forms = seen.figure(room.current, most=3)
    if seen.phase == "before":
        return [*(checklist(seen, f) for f in forms[:3]), late(seen), incident_reports(seen)]
    if seen.phase == "voting":
        return [
            *(checklist(seen, f) for f in forms[:1]), late(seen), incident_reports(seen), *failures(seen), turnout(seen)
        ]  # fmt: skip
    if seen.phase == "closing":
        published = len(seen.figure(room.counted)) > 0
        second = [counted(seen)] if published else [checklist(seen, f) for f in forms[1:2]]
        return [
            *(checklist(seen, f) for f in forms[:1]), *second, late(seen), incident_reports(seen), turnout(seen)
        ]  # fmt: skip
    if seen.phase == "night":
        night = seen.figure(room.night_forms)
        return [*(checklist(seen, f) for f in night), counted(seen), inside(seen), incident_reports(seen)]
    both = [counted(seen), compared(seen)]
    return [*(checklist(seen, f) for f in forms[:1]), *both, incident_reports(seen), turnout(seen)]


def checklist(seen: View, form: str) -> Card:
    """'85.3%, 256 of 300, due 16:00'."""
    rows = seen.figure(room.checklists, **seen.place)
    row: dict[Any, Any] = rows[rows["form"] == form].iloc[0].to_dict()
    due = _("due {time}").format(time=words.clock_time(row["due_at"]))
    if row["opens_at"] > pd.Timestamp(seen.moment.at):
        opens = _("expected from {time}").format(time=words.clock_time(row["opens_at"]))
        return Card(names.form(form), words.NOTHING, (opens, due))
    problems = [
        n_("{n} incomplete", "{n} incomplete", row["incomplete"]).format(n=words.number(row["incomplete"])),
        n_("{n} with a conflict", "{n} with conflicts", row["conflict"]).format(n=words.number(row["conflict"])),
    ]
    shown = [p for p, n in zip(problems, (row["incomplete"], row["conflict"]), strict=True) if n]
    lines = (
        f"{words.fraction(row['received'], row['expected'])}, {due}", ", ".join(shown),
        _copies(seen, form), _reports(seen, form),
    )  # fmt: skip
    tone: Tone = "amber" if row["late"] else ""
    return Card(names.form(form), words.percent(row["value"]), lines, tone, _late(row["late"]))


def _late(n: int) -> str:
    return n_("{n} late", "{n} late", n).format(n=words.number(n)) if n else ""


def _copies(seen: View, form: str) -> str:
    """Of a protocol: which copies the observers hold."""
    copies = seen.figure(room.handed, form=form, meaning="protocol_copy")
    return ", ".join(f"{names.choice(answer)} {words.number(n)}" for answer, n in copies.items() if n)


def _reports(seen: View, form: str) -> str:
    """Of the machine's final report: at how many PECs it was handed in, and at how many it was not."""
    handed, *not_handed = seen.figure(room.handed, form=form, meaning=room.FINAL).values() or (0,)
    said = _("report handed in: {n}, not handed in: {missing}")
    return said.format(n=words.number(handed), missing=words.number(sum(not_handed))) if handed or not_handed else ""


def late(seen: View) -> Card:
    """Those late with the chosen checklist; none chosen: with any."""
    row = seen.figure(room.late, **({"form": seen.form} if seen.form else {}), **seen.place)
    checklists = n_("{n} checklist", "{n} checklists", row["checklists"]).format(n=words.number(row["checklists"]))
    tone, word = _how_late(row)
    return Card(_("PECs late"), words.number(row["pecs"]), (_of(row["of"]), checklists), tone, word)


def inside(seen: View) -> Card:
    """At night: where observers reported from and the protocol is awaited."""
    row = seen.figure(room.inside, **seen.place)
    lines = (_("reported today, protocol awaited"), _of(row["of"]))
    return Card(_("PECs with observers still inside"), words.number(row["pecs"]), lines)


def _of(n: int) -> str:
    return n_("of {n} PEC", "of {n} PECs", n).format(n=words.number(n))


def _how_late(row: dict[str, int]) -> tuple[Tone, str]:
    if row["over_hour"]:
        return "red", n_("{n} over 1 h", "{n} over 1 h", row["over_hour"]).format(n=words.number(row["over_hour"]))
    return ("amber", _late(row["pecs"])) if row["pecs"] else ("green", _("none is late"))


def incident_reports(seen: View) -> Card:
    row = seen.figure(room.incident_counts, **seen.place)
    lines = [
        _("{total} reports since the morning of election day, {critical} critical").format(
            total=words.number(row["total"]), critical=words.number(row["critical"])
        ),
        before_the_day(row["before"]),
    ]
    if row["unsorted"]:
        to_sort = n_("{n} to be sorted", "{n} to be sorted", row["unsorted"]).format(n=words.number(row["unsorted"]))
        lines = [_("in the last hour"), *lines]
        return Card(_("Incidents"), words.number(row["last_hour"]), lines, "red", to_sort)
    if not row["critical_last_hour"]:
        return Card(_("Incidents"), words.number(row["last_hour"]), lines, "", _("in the last hour"))
    word = n_("in the last hour, {n} critical", "in the last hour, {n} critical", row["critical_last_hour"])
    word = word.format(n=words.number(row["critical_last_hour"]))
    return Card(_("Incidents"), words.number(row["last_hour"]), lines, "red", word)


def before_the_day(n: int) -> str:
    return _("{n} before election day").format(n=words.number(n)) if n else ""


def failures(seen: View) -> list[Card]:
    """Of the first device that checklists ask about, where they ask about one."""
    row = seen.figure(room.device_failures, region=seen.around)
    if row is None:
        return []
    title = _("Failures: {device}").format(device=charts_day.device(row["device"]))
    opened = n_("{n} open now", "{n} open now", row["open_now"]).format(n=words.number(row["open_now"]))
    if row["light"] == "red":
        return [Card(title, words.NOTHING, (_("no estimate yet"), opened, _reach(seen)))]
    of = _("{fraction} PECs that answered").format(fraction=words.fraction(row["failed_of_n"], row["n"]))
    lines = (words.interval(row["low"], row["high"], row["confidence"]), of, opened, _reach(seen))
    return [Card(title, words.percent(row["value"]), lines, "", _("of PECs so far"))]


def turnout(seen: View) -> Card:
    row = seen.figure(room.latest_turnout, region=seen.around)
    if row is None:
        first = next((c for c in seen.moment.election.checklists if c.hour), None)
        when = words.clock_time(seen.moment.election.instant(first.opens)) if first else words.NOTHING
        return Card(_("Turnout"), words.NOTHING, (_("first count at {time}").format(time=when),))
    title = _("Turnout at {hour}").format(hour=row["hour"])
    theirs = (
        _("commission {percent}, {hour}").format(percent=words.percent(row["published"]), hour=row["hour"])
        if not words.missing(row["published"])
        else _("commission: not published yet")
    )
    reported = _("{n} PECs of {of}").format(n=words.number(row["n"]), of=words.number(row["of"]))
    if row["light"] == "red" or words.missing(row["value"]):
        lines = (_("too few reports for a number"), reported, theirs, _reach(seen))
        return Card(title, words.NOTHING, lines, "red", _("no number"))
    word = _("preliminary") if row["light"] == "amber" else _("complete enough")
    lines = (words.interval(row["low"], row["high"], row["confidence"]), reported, theirs, _reach(seen))
    return Card(title, words.percent(row["value"]), lines, _TONES.get(row["light"], ""), word)


def _reach(seen: View) -> str:
    """With a district chosen: whose estimate it is, since there is none by district."""
    if not seen.district or not seen.around:
        return ""
    return _("of the whole region: {region}").format(region=names.region(seen.around))


def counted(seen: View) -> Card:
    """The commission's counted share: machine and manual."""
    last: dict[Any, Any] = seen.figure(room.counted).set_index("count").to_dict("index")
    named = {"machine": _("machine"), "manual": _("manual")}
    so_far = {
        kind: words.fraction(last[kind]["pecs"], last[kind]["of"]) if kind in last else _("nothing published yet")
        for kind in named
    }
    lines = [f"{word}: {so_far[kind]}" for kind, word in named.items()]
    lines += [_("of the whole country")] if seen.place else []
    best = next((k for k in ("manual", "machine") if k in last), None)
    if best is None:
        return Card(_("Counted by the commission"), words.NOTHING, lines)
    share = words.percent(last[best]["value"])
    steps = seen.figure(room.contradicting)
    if not steps:
        return Card(_("Counted by the commission"), share, lines, "", named[best])
    n = sum(steps.values())
    lines.append(contradictions.steps_said(steps))
    word = n_("{n} contradiction", "{n} contradictions", n).format(n=words.number(n))
    return Card(_("Counted by the commission"), share, lines, "red", f"{named[best]}, {word}")


def compared(seen: View) -> Card:
    """The observers' protocols held against those that the commission published."""
    row = seen.figure(room.compared, **seen.place)
    what = _("observers' copies and the commission's manual count")
    if not row["of"]:
        return Card(_("Protocols compared"), words.NOTHING, (_("nothing to compare yet"), what))
    word = n_("differs, of {n} compared", "differ, of {n} compared", row["differ"])
    tone: Tone = "amber" if row["differ"] else "green"
    return Card(
        _("Protocols compared"), words.number(row["differ"]), (what,), tone, word.format(n=words.number(row["of"]))
    )


def until(seen: View) -> datetime:
    """How far the day's axis reaches: to the evening, to when the last of the open checklists is due, and on with the
    time, no further than the next noon."""
    election, at = seen.moment.election, seen.moment.at
    due = [(election.instant(c.opens), election.instant(c.due)) for c in election.checklists if c.due]
    ends = [end for opens, end in due if opens <= at or words.local(end).date() == election.date]
    evening = max(ends) + timedelta(minutes=30) if ends else at
    return max(evening, min(at, day_ends()))


def change(what: str, n: int) -> str:
    """'12 reports came in': how many changes of this kind."""
    said = {
        "report_in": n_("{n} report came in", "{n} reports came in", n),
        "report_corrected": n_("{n} report corrected", "{n} reports corrected", n),
        "report_withdrawn": n_("{n} report withdrawn", "{n} reports withdrawn", n),
        "incident": n_("{n} incident reported", "{n} incidents reported", n),
        "incident_critical": n_("{n} incident became critical", "{n} incidents became critical", n),
        "episode_open": n_("{n} equipment failure began", "{n} equipment failures began", n),
        "episode_end": n_("{n} equipment failure ended", "{n} equipment failures ended", n),
        "published": n_("{n} publication of the commission", "{n} publications of the commission", n),
    }.get(what, "{n} × " + what)
    return said.format(n=words.number(n))


def change_words(row: dict[Any, Any]) -> str:
    """One change in a few words: its kind, and what it is about."""
    kind = {
        "report_in": _("report"),
        "report_corrected": _("corrected"),
        "report_withdrawn": _("withdrawn"),
        "incident": _("incident"),
        "incident_critical": _("now critical"),
        "episode_open": _("failure began"),
        "episode_end": _("failure ended"),
        "published": _("published"),
    }.get(row["what"], str(row["what"]))
    detail = row.get("detail")
    if words.missing(detail):
        return kind
    if row["what"] == "published" and words.missing(row["number"]):
        return f"{kind}: {published_words(str(detail))}"
    if row["what"] == "published":
        return _("{what}: {n} PECs published").format(what=published_words(str(detail)), n=words.number(row["number"]))
    for named in (names.form, names.category, names.choice):
        if named(str(detail)) != str(detail):
            return f"{kind}: {named(str(detail))}"
    return f"{kind}: {detail}"


def published_words(detail: str) -> str:
    """What of the commission's: 'machine count', 'turnout, 14:00'."""
    count, _space, hour = detail.partition(" ")
    if count == "turnout":
        return _("turnout, {hour}").format(hour=hour)
    return {"machine": _("machine count"), "manual": _("manual count")}.get(count, detail)


def pec_words(code: object) -> str:
    return "" if words.missing(code) else _("PEC {code}").format(code=words.beginning(str(code)))
