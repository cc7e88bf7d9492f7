"""What a person decides on a page: an append-only row with who, when and why, in a load of its own."""

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa

from store import clock
from store import tables as t
from store.loading import Load, loading
from store.pictures import Picture
from store.taken import LOSSES, gone, refusal_of

STEPS = ("confirmed", "put", "answered")  # of a contradiction, after the machine has seen it


class Refused(ValueError):
    """The decision cannot be kept as it is. `reason`: who, why, picture, step, undone, newer, meanwhile."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decide(store: sa.Engine, kind: str, subject: str, who: str, why: str, value: str | None = None) -> None:
    """Keep a decision. Raises Refused without a name."""
    _named(who)
    with loading(store, "person") as load:
        _keep(load, kind, [subject], who, why, value)


def accept_payload(
    store: sa.Engine, source: str, feed: str, goes: str, who: str, why: str, known: int | None = None
) -> None:
    """What goes with a refused payload (its hash) has truly gone: the loader makes the payload current at its next
    poll, if it is still the same that goes. Raises Refused, also where somebody has undone it since the load `known`,
    which the page showed."""
    _reasoned(who, why)
    subject = f"{source}|{feed}"
    with loading(store, "person") as load:
        _not_undone_since(load, "payload", subject, known)
        _keep(load, "payload", [subject], who, why, goes)


def undo_payload(store: sa.Engine, source: str, feed: str, accepted: int, who: str, why: str) -> None:
    """The figures that went with a payload since somebody accepted it (the decision `accepted`) stand again, but for
    those that came back by themselves; the page that lacks them waits for a person as before. Raises Refused, also
    where somebody else undid it before, or all of them came back."""
    _reasoned(who, why)
    subject, value = f"{source}|{feed}", f"undone|{accepted}"
    with loading(store, "person") as load:
        _not_undone(load, "payload", subject, value)
        refusal, figures = refusal_of(load.conn, source, feed, accepted), gone(load.conn, source, feed, accepted)
        if refusal is None or not figures:
            raise Refused("meanwhile")
        _keep(load, "payload", [subject], who, why, value)
        load.put(t.published, figures, seen=False)
        waits = load.current(t.refusal, [(source, feed)]).get((source, feed), refusal)
        load.put(t.refusal, [waits | {"waits_from": load.id}], seen=False)


def accept_frame(store: sa.Engine, known: int, who: str, why: str) -> None:
    """The sample was changed on purpose: the PECs that had left it at the load `known`, which the page showed, are none
    that is missing. Raises Refused."""
    _reasoned(who, why)
    decide(store, "frame", "sample", who, why, str(known))


def settle_answer(
    store: sa.Engine, pec: str, form: str, question: str, value: str, who: str, why: str, known: int
) -> None:
    """A PEC's observers differ on a question, and this is its answer. Raises Refused, also where somebody else has
    settled it since the load `known`, which the page showed."""
    _reasoned(who, why)
    subject = f"{pec}|{form}|{question}"
    with loading(store, "person") as load:
        if subject in _decided_since(load, "answer", known):
            raise Refused("meanwhile")
        _keep(load, "answer", [subject], who, why, value)


def accept_count(store: sa.Engine, pec: str, form: str, question: str, count: float, who: str, why: str) -> None:
    """A PEC's count that is lower than an earlier one holds all the same: this count alone, not a later correction of
    it. Raises Refused."""
    _reasoned(who, why)
    decide(store, "count", f"{pec}|{form}|{question}", who, why, f"{count:.15g}")


def sort_incidents(
    store: sa.Engine, subjects: Sequence[str], value: str, who: str, why: str, known: int
) -> dict[str, str]:
    """What these incidents are: '<category>|<severity>', 'dismissed', or 'open' to take a decision back. One that
    somebody has decided on since the load `known`, which the page showed, is left as it is: returns those, and who
    decided. Raises Refused."""
    _reasoned(who, why)
    with loading(store, "person") as load:
        since = _decided_since(load, "incident", known)
        _keep(load, "incident", [subject for subject in subjects if subject not in since], who, why, value)
    same = who.strip(), value  # a second click on what was decided with the first
    return {subject: since[subject][0] for subject in subjects if subject in since and since[subject] != same}


def accept_loss(
    store: sa.Engine, source: str, view: str, keys: str, who: str, why: str, known: int | None = None
) -> None:
    """What vanished from a view (the loss's hash) has truly gone: the loader withdraws it at its next poll. Raises
    Refused, also where somebody has undone it since the load `known`, which the page showed, or another loss stands."""
    _reasoned(who, why)
    subject = f"{source}|{view}"
    with loading(store, "person") as load:
        _not_undone_since(load, "loss", subject, known)
        if [loss["hash"] for loss in load.current(t.loss, [(source, view)]).values()] != [keys]:
            raise Refused("meanwhile")
        _keep(load, "loss", [subject], who, why, keys)


def undo_loss(store: sa.Engine, source: str, view: str, taken: int, who: str, why: str) -> None:
    """What was withdrawn by the load `taken` because somebody accepted it stands again, and waits for a person as
    before. Raises Refused, also where somebody else undid it before, or where a newer loss of some of the same rows was
    accepted: what that took would come back as something less."""
    _reasoned(who, why)
    subject, value = f"{source}|{view}", f"undone|{taken}"
    with loading(store, "person") as load:
        _not_undone(load, "loss", subject, value)
        newer = [
            one.load
            for one in load.conn.execute(sa.text(LOSSES), {"load": load.id})
            if one.source == source and one.load > taken
        ]
        if any(
            load.took(table, source, taken).keys() & load.took(table, source, one).keys()
            for table in t.OF_VIEW[view]
            for one in newer
        ):
            raise Refused("newer")
        _keep(load, "loss", [subject], who, why, value)
        for table in t.OF_VIEW[view]:
            load.restore(table, source, taken)
        o = t.loss.c
        query = sa.select(o.source, o.view, o.lost, o.held, o.hash)
        query = query.where(o.source == source, o.view == view, o.load_to == taken)
        waits = [dict(row) | {"waits_from": load.id} for row in load.conn.execute(query).mappings()]
        load.put(t.loss, waits, seen=False)


def next_step(taken: Sequence[str]) -> str | None:
    """The step that follows those taken; None after the last."""
    return next((step for step in STEPS if step not in taken), None)


def take_step(store: sa.Engine, subject: str, step: str, who: str, why: str, attached: Picture | None = None) -> None:
    """Take a contradiction one step further; confirming takes a picture of the page. The decision's value is
    '<step>', or '<step>|<picture>'. Raises Refused, also where somebody else took the step before."""
    _named(who)
    if step == "confirmed" and attached is None:
        raise Refused("picture")
    d = t.decision.c
    with loading(store, "person") as load:
        query = sa.select(d.value).where(d.kind == "contradiction", d.subject == subject).order_by(d.id)
        if next_step([str(v).partition("|")[0] for v in load.conn.execute(query).scalars()]) != step:
            raise Refused("step")
        value = step if attached is None else f"{step}|{_keep_picture(load, attached)}"
        _keep(load, "contradiction", [subject], who, why, value)


def _named(who: str) -> None:
    if not who.strip():
        raise Refused("who")


def _reasoned(who: str, why: str) -> None:
    _named(who)
    if not why.strip():
        raise Refused("why")


def _decided_since(load: Load, kind: str, known: int) -> dict[str, tuple[str, str | None]]:
    """What was decided on in later loads than this one: who did last, and what."""
    d = t.decision.c
    query = sa.select(d.subject, d.who, d.value).where(d.kind == kind, d.load > known).order_by(d.id)
    return {subject: (who, value) for subject, who, value in load.conn.execute(query)}


def _not_undone_since(load: Load, kind: str, subject: str, known: int | None) -> None:
    """Raises Refused where somebody has undone it since the load `known`, which the page showed."""
    _who, last = _decided_since(load, kind, load.id if known is None else known).get(subject, ("", None))
    if last and last.startswith("undone|"):
        raise Refused("undone")


def _not_undone(load: Load, kind: str, subject: str, undone: str) -> None:
    """Raises Refused where somebody undid the same before."""
    d = t.decision.c
    done = sa.exists().where(d.kind == kind, d.subject == subject, d.value == undone)
    if load.conn.execute(sa.select(done)).scalar():
        raise Refused("undone")


def _keep(load: Load, kind: str, subjects: Sequence[str], who: str, why: str, value: str | None) -> None:
    """One decision a subject, all of the same moment."""
    row = {"load": load.id, "kind": kind, "value": value, "who": who.strip(), "why": why.strip()}
    row |= {"decided_at": clock.now()}
    if subjects:
        load.conn.execute(t.decision.insert(), [row | {"subject": subject} for subject in subjects])
    load.counts["derived"] += len(subjects)


def _keep_picture(load: Load, attached: Picture) -> int:
    row = {
        "load": load.id,
        "content_type": attached.content_type,
        "size": len(attached.body),
        "sha256": hashlib.sha256(attached.body).hexdigest(),
        "body": attached.body,
    }
    return int(load.conn.execute(t.picture.insert().returning(t.picture.c.id), row).scalar_one())
