"""The contract's rows, checked: a row becomes a fact or a reason why it cannot be one. Nothing here raises or asks."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from elections.config import Checklist, Election, Question
from loaders.contract import (
    ANSWER,
    ATTACHMENT,
    INCIDENT,
    MESSAGE,
    OBSERVER,
    PEC,
    REPORT,
    Raw,
    View,
    clean,
    code,
    is_set,
    question,
)
from loaders.source import Bad, raw_text
from store import tables as t
from store.loading import emptied, says
from store.tables import from_milliseconds, milliseconds

Fact = dict[str, Any]
_T = TypeVar("_T")
NO_KEY = "?"  # begins the key that an incident without one gets here
EARLY = timedelta(minutes=5)  # how far a telephone's clock may be ahead
_LONG = timedelta(hours=3)  # an incident that is moved by so much may be of another day
_MOST = 2**31 - 1  # what the store's integers hold
_OLDEST = 1990  # years before it are a clock that was never set
_LONGEST_CODE = 100  # letters of a PEC's or an observer's that are kept of a row set aside
_OF_VOTERS = 1.5  # more voters or ballots than this share of the list cannot be meant
AT_A_PEC = "sto"  # the role of who observes one PEC
_ROLES = (AT_A_PEC, "mobile", "lto", "coordinator")
_SEVERITIES = ("critical", "serious", "minor")
_KINDS = ("protocol", "arbb_report", "evidence")
_ABOUT = (*INCIDENT.keys, *(c for c in INCIDENT.columns if c not in ("status", "deleted")))  # what an incident says


@dataclass(frozen=True)
class Known:
    """What rows are checked against: the election, the frame, the observers, the present time."""

    election: Election
    source: str
    now: datetime
    pecs: Mapping[str, int | None]  # PEC -> voters on its list
    observers: Mapping[str, tuple[str | None, str]]  # observer -> own PEC, role


class Wrong(Exception):
    """Why a row cannot be used: a code, the field, a detail."""

    def __init__(self, reason: str, field: str | None = None, detail: str | None = None) -> None:
        self.reason, self.field, self.detail = reason, field, detail


def deleted(row: Raw) -> bool:
    return is_set(row.get("deleted"))


def key(view: View, row: Raw) -> str:
    """A row's key as it stands in quarantine: '<report>/<question>' of an answer."""
    first, *rest = (row.get(k) for k in view.keys)
    return "/".join((code(first), *map(question, rest)))


def bad(view: View, row: Raw, wrong: Wrong, about: Raw | None = None) -> Bad:
    """A row as it is set aside. about: where its PEC and observer stand, if not in the row: its report."""
    pec, observer = ((code(v)[:_LONGEST_CODE] if (v := (about or row).get(n)) else None) for n in ("pec", "observer"))
    return Bad(view.name, key(view, row), wrong.reason, wrong.field, wrong.detail, raw_text(row), pec, observer)


def pec(row: Raw, known: Known) -> Fact | Bad:
    return _checked(PEC, row, known, _pec)


def observer(row: Raw, known: Known) -> Fact | Bad:
    return _checked(OBSERVER, row, known, _observer)


def report(row: Raw, known: Known) -> Fact | Bad:
    """A report without `complete`, which its answers decide."""
    return _checked(REPORT, row, known, _report)


def answer(row: Raw, known: Known, report: Fact) -> Fact | Bad | None:
    """An answer of this report; None for a question left empty."""
    if row.get("value") is None or code(row["value"]) == "":
        return None
    return _checked(ANSWER, row, known, lambda r, k: _answer(r, k, report["form"], report["pec"]), report)


def incident(row: Raw, known: Known, twice: bool = False) -> Fact:
    """An incident is never set aside: one that cannot be used as it came is unsorted, with its words as written.
    `twice`: another one has its key."""
    fields = _Incident(row, known)
    fact = fields.fact()
    if twice:
        fields.why.append("twice")
        fact["incident"], fields.written["incident"] = None, code(row["incident"])
    if not fields.why:
        return fact
    digest = told(row)
    written = json.dumps(fields.written, ensure_ascii=False)
    unsorted = {"unsorted": " ".join(dict.fromkeys(fields.why)), "written": written, "hash": digest}
    return fact | unsorted | ({} if fact["incident"] else {"incident": NO_KEY + digest})


def weaker(now: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """The field that takes danger away from an incident, or takes it elsewhere: PEC, region, category, severity, words,
    time, whatever was emptied. None of what could not be used, which a person must sort, nor of one that became
    more severe."""
    unusable = {name for one in (now, before) for name in json.loads(one["written"] or "{}")}
    step = 0  # more than 0: less severe
    if "severity" not in unusable and now["severity"] and before["severity"]:
        step = _SEVERITIES.index(now["severity"]) - _SEVERITIES.index(before["severity"])
    at_a_pec = now["pec"] or before["pec"]
    less = {
        "pec": before["pec"] not in (None, now["pec"]),
        "region": not at_a_pec and before["region"] not in (None, now["region"]),
        "district": not at_a_pec and says(before["district"]) and not says(now["district"]),
        "category": before["category"] != now["category"],
        "severity": step > 0,
        "occurred_at": _moved(_happened(before), _happened(now)),
        **dict.fromkeys(emptied(t.incident, before, now), True),
    }
    return next((name for name, so in less.items() if so and name not in unusable), None) if step >= 0 else None


def _happened(incident: Mapping[str, Any]) -> datetime | None:
    """When it was: by this it counts to a day."""
    when: datetime | None = incident["occurred_at"] or incident["reported_at"]
    return when


def _moved(before: datetime | None, now: datetime | None) -> bool:
    return before is not None and now is not None and abs(now - before) >= _LONG


def is_own_key(key: str) -> bool:
    """Whether an incident without a key got this one here."""
    return re.fullmatch(re.escape(NO_KEY) + "[0-9a-f]{16}", key) is not None


def told(row: Raw) -> str:
    """What an incident says, as a digest: but for how far it has got."""
    return hashlib.sha256(raw_text({name: row.get(name) for name in _ABOUT}).encode()).hexdigest()[:16]


def message(row: Raw, known: Known) -> Fact | Bad:
    return _checked(MESSAGE, row, known, _message)


def attachment(row: Raw, known: Known) -> Fact | Bad:
    return _checked(ATTACHMENT, row, known, _attachment)


CHECKS: Mapping[str, Callable[[Raw, Known], Fact | Bad]] = {
    PEC.name: pec,
    OBSERVER.name: observer,
    REPORT.name: report,
    INCIDENT.name: incident,
    MESSAGE.name: message,
    ATTACHMENT.name: attachment,
}


def _checked(
    view: View, row: Raw, known: Known, make: Callable[[Raw, Known], Fact], about: Raw | None = None
) -> Fact | Bad:
    try:
        for name in view.keys:
            if not _code(row, name):
                raise Wrong("no_key", name)
        return make(row, known)
    except Wrong as wrong:
        return bad(view, row, wrong, about)


def _pec(row: Raw, known: Known) -> Fact:
    written, stratum = _code(row, "region"), _code(row, "stratum")
    region, district = known.election.region_of(written or ""), _code(row, "district")
    if region is None:
        raise Wrong("unknown_region", "region", written)
    if stratum and stratum not in {s.id for s in known.election.strata}:
        raise Wrong("unknown_stratum", "stratum", stratum)
    return {
        "pec": _code(row, "pec"),
        "region": region,
        "area": _words(row, "area"),
        "settlement": _words(row, "settlement"),
        "district": known.election.district_of(district or "") or district,
        "stratum": stratum,
        "registered_voters": _whole(row.get("registered_voters"), "registered_voters"),
        "in_sample": int(is_set(row.get("in_sample"))),
        "mobile_applications": _whole(row.get("mobile_applications"), "mobile_applications") or 0,
        "latitude": _degrees(row, "latitude", 90),
        "longitude": _degrees(row, "longitude", 180),
    }


def _observer(row: Raw, known: Known) -> Fact:
    role = _code(row, "role")
    if role not in _ROLES:
        raise Wrong("unknown_role", "role", role)
    words = {name: _words(row, name) for name in ("full_name", "phone", "backup_phone")}
    return {
        "source": known.source,
        "observer": _code(row, "observer"),
        "pec": _code(row, "pec"),
        "role": role,
        **words,
        "coordinator": _code(row, "coordinator"),
    }


def _report(row: Raw, known: Known) -> Fact:
    who, where, form = _code(row, "observer"), _code(row, "pec"), _code(row, "form")
    if not who:
        raise Wrong("no_observer", "observer")
    if who not in known.observers:
        raise Wrong("unknown_observer", "observer", who)
    if not where or where not in known.pecs:
        raise Wrong("unknown_pec", "pec", where)
    if form not in known.election.forms:
        raise Wrong("unknown_form", "form", form)
    submitted = _past(row.get("submitted_at"), "submitted_at", known.now)
    if submitted is None:
        raise Wrong("not_a_time", "submitted_at")
    _within_days(submitted, "submitted_at", known.election, known.election.forms[form])
    return {
        "source": known.source,
        "report": _code(row, "report"),
        "observer": who,
        "pec": where,
        "form": form,
        "submitted_at": submitted,
        "held": held(where, *known.observers[who]),
    }


def held(pec_code: str, own_pec: str | None, role: str) -> str | None:
    """Why a report stays out of the figures: an STO's about a PEC that is not theirs."""
    return "wrong_pec" if role == AT_A_PEC and own_pec and own_pec != pec_code else None


def days(election: Election, checklist: Checklist) -> tuple[date, date]:
    """The first and the last day on which a report of this checklist can have been sent."""
    last = checklist.asked_until or checklist.due
    after = last.date() if last else max(election.date, checklist.opens.date())
    return checklist.opens.date(), after + timedelta(days=1)


def _within_days(when: datetime, field: str, election: Election, checklist: Checklist) -> None:
    first, last = days(election, checklist)
    if not first <= when.astimezone(election.tz).date() <= last:
        raise Wrong("outside_days", field, f"{first} to {last}")


def _answer(row: Raw, known: Known, form: str, pec_code: str) -> Fact:
    name = _code(row, "question")
    question = known.election.asked(form).get(name or "")
    if question is None:
        raise Wrong("unknown_question", "question", name)
    fact: Fact = {
        "source": known.source,
        "report": _code(row, "report"),
        "question": name,
        "value": _words(row, "value"),
        "number": None,
        "moment_at": None,
    }
    value = row.get("value")
    if question.type == "number":
        number = _count(value, question, known.pecs.get(pec_code))
        return fact | {"value": str(number), "number": float(number)}
    if question.type == "choice":
        fact["value"] = code(value)
        if fact["value"] not in question.choices:
            raise Wrong("not_a_choice", "value", fact["value"][:200])
    if question.type == "time":
        fact["moment_at"] = _answered_time(value, known, known.election.forms[form])
    return fact


def _count(value: Any, question: Question, voters: int | None) -> int:
    number = _whole(value, "value")
    if number is None:
        raise Wrong("not_a_number", "value")
    if number < question.minimum:
        raise Wrong("too_small", "value", f"at least {question.minimum:g}")
    most = question.maximum
    if voters and question.meaning in ("turnout", "protocol", "identified"):
        most = min(most or math.inf, voters * _OF_VOTERS)
    if most is not None and number > most:
        raise Wrong("too_large", "value", f"at most {most:g}")
    return number


def _answered_time(value: Any, known: Known, checklist: Checklist) -> datetime:
    """A time as an observer writes it: '14:05' of election day, or a date and time; local unless it says otherwise."""
    try:
        if isinstance(value, datetime):
            when = value if value.tzinfo else known.election.instant(value)
        else:
            when = known.election.moment_of(code(value))
        when = when.astimezone(UTC)
        when = _kept(when)
        local = when.astimezone(known.election.tz)
    except (ValueError, OverflowError) as error:
        raise Wrong("not_a_time", "value", code(value)[:200]) from error
    if when > known.now + EARLY:
        raise Wrong("in_future", "value", local.isoformat())
    _within_days(when, "value", known.election, checklist)
    return when


@dataclass
class _Incident:
    """An incident's fields, each usable or kept as it was written."""

    row: Raw
    known: Known
    why: list[str] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)

    def fact(self) -> Fact:
        election = self.known.election
        where = self._usable("pec", self._pec)
        categories = {c.id: c.severity for c in election.categories}
        category = self._usable("category", lambda: _one_of(self.row, "category", categories, "unknown_category"))
        severity = self._usable(
            "severity", lambda: _one_of(self.row, "severity", _SEVERITIES, "not_a_choice", none=True)
        )
        return {
            "source": self.known.source,
            "incident": self._usable("incident", self._key),
            "pec": where,
            "region": self._usable("region", lambda: self._place("region", election.region_of, bool(where))),
            "district": self._usable("district", lambda: self._place("district", election.district_of, bool(where))),
            "observer": self._usable("observer", lambda: _code(self.row, "observer")),
            "category": category,
            "severity": severity or categories.get(category or ""),
            "occurred_at": self._usable("occurred_at", lambda: self._past("occurred_at")),
            "description": _words(self.row, "description"),
            "status": code(self.row.get("status")) or None,
            "reported_at": self._usable("reported_at", lambda: _some(self._past("reported_at"), "reported_at")),
            "channel": code(self.row.get("channel")) or None,
            **dict.fromkeys(("unsorted", "written", "hash")),
        }

    def _usable(self, name: str, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except Wrong as wrong:
            self.why.append(wrong.reason)
            self.written[name] = code(self.row.get(name))
            return None

    def _key(self) -> str | None:
        key = _code(self.row, "incident")
        if not key:
            raise Wrong("no_key", "incident")
        return key

    def _pec(self) -> str | None:
        where = _code(self.row, "pec")
        if where and where not in self.known.pecs:
            raise Wrong("unknown_pec", "pec", where)
        return where

    def _place(self, name: str, known_as: Callable[[str], str | None], has_pec: bool) -> str | None:
        """A region or district, by its id or its name. Beside a PEC of the frame it is kept as reported."""
        written = _code(self.row, name)
        found = known_as(written) if written else None
        if written and not found and not has_pec:
            raise Wrong("unknown_region" if name == "region" else "unknown_district", name, written)
        return found or written

    def _past(self, name: str) -> datetime | None:
        return _past(self.row.get(name), name, self.known.now)


def _some(when: datetime | None, name: str) -> datetime:
    if when is None:
        raise Wrong("not_a_time", name)
    return when


def _one_of(row: Raw, name: str, known: Container[str], reason: str, none: bool = False) -> str | None:
    """A code among those known; with `none` there may be none."""
    found = _code(row, name)
    if found not in known and not (none and found is None):
        raise Wrong(reason, name, found)
    return found


def _message(row: Raw, known: Known) -> Fact:
    received = _past(row.get("received_at"), "received_at", known.now)
    if received is None:
        raise Wrong("not_a_time", "received_at")
    return {
        "source": known.source,
        "message": _code(row, "message"),
        "sender": _words(row, "sender"),
        "received_at": received,
        "text": _words(row, "text"),
        "observer": _code(row, "observer"),
        "report": _code(row, "report"),
    }


def _attachment(row: Raw, known: Known) -> Fact:
    kind, of = _code(row, "kind"), _code(row, "report")
    if kind not in _KINDS:
        raise Wrong("not_a_choice", "kind", kind)
    if not of:
        raise Wrong("unknown_report", "report")
    return {
        "source": known.source,
        "attachment": _code(row, "attachment"),
        "report": of,
        "kind": kind,
        "sha256": _words(row, "sha256"),
        "url": _words(row, "url"),
    }


def _code(row: Raw, name: str) -> str | None:
    """A code, None where there is none; Wrong where it has characters that no code has."""
    text = code(row.get(name))
    if "\ufffd" in text:
        raise Wrong("not_text", name)
    return text or None


def _words(row: Raw, name: str) -> str | None:
    """Free text as it was written."""
    value = row.get(name)
    return None if value is None else clean(value) if isinstance(value, str) else code(value)


def _whole(value: Any, field: str) -> int | None:
    """A whole number that counts something; None where there is none."""
    text = code(value)
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d+(\.\d+)?", text, re.ASCII):
        if value is None or text == "":
            return None
        raise Wrong("not_a_number", field, text[:200])
    number = Decimal(text)
    if number < 0:
        raise Wrong("negative", field, text[:200])
    if number > _MOST:
        raise Wrong("too_large", field, text[:200])
    if number != number.to_integral_value():
        raise Wrong("not_whole", field, text[:200])
    return int(number)


def _degrees(row: Raw, name: str, most: float) -> float | None:
    value = row.get(name)
    if value is None or code(value) == "":
        return None
    try:
        degrees = float(value)
    except (TypeError, ValueError) as error:
        raise Wrong("not_a_number", name, code(value)[:200]) from error
    if not abs(degrees) <= most:
        raise Wrong("not_a_number", name, f"{degrees:g}")
    return degrees


def _past(value: Any, field: str, now: datetime) -> datetime | None:
    """A time, UTC unless it says otherwise, that is not in the future; None where there is none."""
    if value is None or value == "":
        return None
    try:
        if isinstance(value, datetime):
            when = value
        elif isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value.strip()):
            when = datetime.fromisoformat(value.strip())
        else:
            raise ValueError
        when = _kept((when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise Wrong("not_a_time", field, code(value)[:200]) from error
    if when > now + EARLY:
        raise Wrong("in_future", field, when.isoformat())
    return when


def _kept(when: datetime) -> datetime:
    """A time as the store keeps it, to the millisecond: else a row would differ from itself at every poll."""
    if when.year < _OLDEST:
        raise ValueError
    return from_milliseconds(milliseconds(when))
