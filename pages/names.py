"""What the parts of an election are called in the reader's language: identifiers in, words out."""

from pages.words import _, beginning, label, missing
from queries.moment import here


def region(id: object) -> str:
    return _named("regions", id)


def district(id: object) -> str:
    """'Leilek (No. 1)': people say either."""
    found = next((d for d in here()[1].districts if d.id == id), None)
    if found is None:
        return "" if missing(id) else beginning(str(id))
    return _("{name} (No. {number})").format(name=label(found.name), number=found.number)


def form(id: str) -> str:
    found = here()[1].forms.get(id)
    return label(found.name) if found else id


def category(id: str) -> str:
    return _("unsorted") if id == "unsorted" else _named("categories", id)


def contest(id: str) -> str:
    return _named("contests", id)


def choice(id: str) -> str:
    return _named("choices", id)


def source(id: str) -> str:
    return _named("sources", id)


def stage(id: str) -> str:
    """A part of the day: by its own name, or by that of the checklist that asks about it first."""
    named, election = _named("stages", id), here()[1]
    if named != id:
        return named
    asking = (c for c in election.checklists if any(key.split(".", 1)[0] == id for key in c.questions))
    first = min(asking, key=lambda c: c.opens, default=None)
    return label(first.name) if first else id


def question(stage: str, id: str) -> str:
    found = next((q for q in here()[1].questions if (q.stage, q.id) == (stage, id)), None)
    return label(found.name) if found else id


def list_of_candidates(id: str) -> str:
    return next((label(item.name) for c in here()[1].contests for item in c.lists if item.id == id), id)


def line(id: str) -> str:
    """A list's name, or that of a line of the protocol."""
    return {
        "valid": _("valid ballots"),
        "invalid": _("invalid ballots"),
        "found": _("ballots in the boxes"),
        "issued": _("ballots issued"),
        "received": _("ballots received"),
        "unused": _("ballots unused"),
        "spoiled": _("ballots spoiled"),
        "registered": _("voters on the list"),
        "voted": _("voters who have voted"),
    }.get(id) or list_of_candidates(id)


def state(id: str) -> str:
    """A checklist's state at a PEC."""
    return {
        "received": _("received"),
        "due": _("due"),
        "late": _("late"),
        "lost": _("lost"),
        "incomplete": _("incomplete"),
        "conflict": _("conflict"),
        "not_due": _("not due"),
    }.get(id, id)


def severity(id: str) -> str:
    known = {"critical": _("critical"), "serious": _("serious"), "minor": _("minor"), "unsorted": _("unsorted")}
    return known.get(id, id)


def reporter(id: str) -> str:
    return {
        "sto": _("short-term observer"),
        "mobile": _("mobile team"),
        "lto": _("long-term observer"),
        "coordinator": _("coordinator"),
        "hotline": _("hotline"),
        "unknown": _("unknown sender"),
    }.get(id, id)


def reason(id: str) -> str:
    """Why a row could not be used, as a coordinator would say it."""
    return {
        "unknown_pec": _("no such PEC in the list"),
        "unknown_observer": _("nobody knows this observer"),
        "unknown_form": _("there is no such checklist"),
        "unknown_question": _("there is no such question in the checklist"),
        "unknown_category": _("there is no such category of incidents"),
        "unknown_report": _("the answer belongs to no report"),
        "unknown_region": _("there is no such region"),
        "unknown_district": _("there is no such district"),
        "unknown_stratum": _("there is no such stratum"),
        "unknown_role": _("there is no such role of an observer"),
        "unknown_list": _("there is no such list of candidates"),
        "unknown_country": _("the place is unknown"),
        "moved": _("its PEC, observer or checklist was changed"),
        "emptied": _("a field of it was emptied, or it belongs to another report now"),
        "weaker": _("its PEC or category was changed, or it tells less than before"),
        "report_set_aside": _("its report is set aside"),
        "no_key": _("it has no number of its own"),
        "no_observer": _("it does not say which observer sent it"),
        "not_a_choice": _("the answer is none of the choices"),
        "not_a_number": _("not a number where a number is asked for"),
        "not_a_time": _("not a time where a time is asked for"),
        "not_whole": _("not a whole number"),
        "not_text": _("not words where words are asked for"),
        "not_a_row": _("not a row of figures"),
        "negative": _("less than nothing"),
        "too_small": _("smaller than it can be"),
        "too_large": _("larger than it can be"),
        "in_future": _("the time is in the future"),
        "outside_days": _("the time is outside the days of its checklist"),
        "twice": _("the same row twice"),
        "figure_twice": _("the same figure twice, and different"),
        "too_many": _("more than can be listed one by one"),
    }.get(id, id)


def view(id: str) -> str:
    """What kind of row it is; the commission's feeds keep their own names."""
    return {
        "obs_pec": _("PEC of the list"),
        "obs_observer": _("observer"),
        "obs_report": _("report"),
        "obs_answer": _("answer"),
        "obs_incident": _("incident"),
        "obs_message": _("message"),
        "obs_attachment": _("attachment"),
    }.get(id, id)


def _named(kind: str, id: object) -> str:
    """The name of a part of the election; what has none stays as it is, what is missing says nothing."""
    found = next((label(part.name) for part in getattr(here()[1], kind) if part.id == id), None)
    return found or ("" if missing(id) else beginning(str(id)))
