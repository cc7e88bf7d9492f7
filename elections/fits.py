"""Whether the parts of an election fit together: names that others lean on, order in time, words in every language."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from elections.folder import Place

if TYPE_CHECKING:
    from elections.config import Checklist, Election

Misfit = tuple[Place, str]  # where in the configuration, and what is wrong there


def misfits(election: "Election") -> Iterator[Misfit]:
    """Everything that does not fit, in the order of the configuration's parts."""
    yield from _once(election)
    yield from _places(election)
    yield from _chains_end(election)
    yield from _questions(election)
    for i, checklist in enumerate(election.checklists):
        for field, wrong in _checklist(election, checklist):
            yield ("checklists", i, field), wrong
    yield from _contests(election)
    if election.estimates.publish_margin == "design" and election.estimates.design_margin is None:
        yield ("estimates", "publish_margin"), "there is no `design_margin` to publish"
    yield from _sources(election)
    yield from _phases(election)
    yield from _words(election)


def _once(election: "Election") -> Iterator[Misfit]:
    """Ids that stand twice."""
    named: dict[str, Iterable[str]] = {
        "regions": (r.id for r in election.regions),
        "districts": (d.id for d in election.districts),
        "strata": (s.id for s in election.strata),
        "contests": (c.id for c in election.contests),
        "choices": (c.id for c in election.choices),
        "stages": (s.id for s in election.stages),
        "questions": (f"{q.stage}.{q.id}" for q in election.questions),
        "checklists": (c.form for c in election.checklists),
        "categories": (c.id for c in election.categories),
        "phases": (p.id for p in election.phases),
        "sources": (s.id for s in election.sources),
        "languages": election.languages,
    }
    for key, ids in named.items():
        for i, again in _repeated(ids):
            yield (key, i), f"{again} stands twice"


def _repeated(ids: Iterable[str]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for i, each in enumerate(ids):
        if each in seen:
            yield i, each
        seen.add(each)


def _places(election: "Election") -> Iterator[Misfit]:
    regions = {r.id for r in election.regions}
    for i, district in enumerate(election.districts):
        if district.region not in regions:
            yield ("districts", i, "region"), f"there is no region {district.region}"
    if election.map is not None and not Path(election.map).is_file():
        yield ("map",), f"there is no file {election.map}"


def _chains_end(election: "Election") -> Iterator[Misfit]:
    """Merge partners form chains: a stratum that is too small must find one, and never itself again."""
    partner = {s.id: s.merge_with for s in election.strata}
    for i, stratum in enumerate(election.strata):
        if stratum.sampled > stratum.pecs:
            yield ("strata", i, "sampled"), f"{stratum.sampled} PECs drawn of {stratum.pecs}"
        if stratum.merge_with is not None and stratum.merge_with not in partner:
            yield ("strata", i, "merge_with"), f"there is no stratum {stratum.merge_with}"
            continue
        passed, at = {stratum.id}, stratum.merge_with
        while at is not None and at in partner:
            if at in passed:
                yield ("strata", i, "merge_with"), f"the merge partners of {stratum.id} go in a circle at {at}"
                break
            passed.add(at)
            at = partner[at]


def _questions(election: "Election") -> Iterator[Misfit]:
    choices, stages = {c.id for c in election.choices}, {s.id for s in election.stages}
    for i, question in enumerate(election.questions):
        if stages and question.stage not in stages:
            yield ("questions", i, "stage"), f"there is no stage {question.stage}"
        for unknown in sorted(set(question.choices) - choices):
            yield ("questions", i, "choices"), f"there is no choice {unknown}"
        if question.type == "choice" and not question.choices:
            yield ("questions", i, "choices"), f"{question.stage}.{question.id} has nothing to choose from"
        if question.maximum is not None and question.maximum < question.minimum:
            yield ("questions", i, "maximum"), f"{question.maximum:g} is less than the minimum, {question.minimum:g}"


def _checklist(election: "Election", checklist: "Checklist") -> Iterator[tuple[str, str]]:
    """What is wrong with a checklist: field, message."""
    known = {f"{q.stage}.{q.id}" for q in election.questions}
    for field, named in (("questions", checklist.questions), ("required", checklist.required)):
        for unknown in sorted(set(named) - known):
            yield field, f"there is no question {unknown}"
    for unasked in sorted(set(checklist.required) & known - set(checklist.questions)):
        yield "required", f"{unasked} is not among the checklist's questions"
    ids = [q.split(".", 1)[-1] for q in checklist.questions]
    for _, again in _repeated(ids):
        yield "questions", f"{again} stands twice: answers are told apart by the question's id alone"
    if checklist.contest is not None and checklist.contest not in {c.id for c in election.contests}:
        yield "contest", f"there is no contest {checklist.contest}"
    times = [("opens", checklist.opens), ("due", checklist.due), ("asked_until", checklist.asked_until)]
    for (before, first), (after, then) in pairwise((name, at) for name, at in times if at is not None):
        if then < first:
            yield after, f"{then:%Y-%m-%d %H:%M} is before `{before}`, {first:%Y-%m-%d %H:%M}"
    if checklist.window and checklist.window[1] <= checklist.window[0]:
        yield "window", "ends before it begins"


def _contests(election: "Election") -> Iterator[Misfit]:
    forms = {c.form for c in election.checklists}
    for i, contest in enumerate(election.contests):
        for j, again in _repeated(item.id for item in contest.lists):
            yield ("contests", i, "lists", j), f"{again} stands twice"
        for j, again in _repeated(item.number for item in contest.lists):
            yield ("contests", i, "lists", j, "number"), f"{again} stands twice"
        if contest.protocol_form is not None and contest.protocol_form not in forms:
            yield ("contests", i, "protocol_form"), f"there is no checklist {contest.protocol_form}"


def _sources(election: "Election") -> Iterator[Misfit]:
    contests = {c.id for c in election.contests}
    for i in [i for i, source in enumerate(election.sources) if source.kind == "observation"][1:]:
        yield ("sources", i, "kind"), "a second observers' database: the PECs are of one"
    for i, source in enumerate(election.sources):
        for j, again in _repeated(feed.id for feed in source.feeds):
            yield ("sources", i, "feeds", j), f"{again} stands twice"
        if source.feeds and not source.contact:
            yield ("sources", i, "contact"), "who asks is not said: a commission's site is told it with every request"
        for j, feed in enumerate(source.feeds):
            if feed.contest not in contests:
                yield ("sources", i, "feeds", j, "contest"), f"there is no contest {feed.contest}"
            if feed.scope != "country" and feed.place is None:
                yield ("sources", i, "feeds", j, "place"), f"where a row names its {feed.scope} is not said"


def _phases(election: "Election") -> Iterator[Misfit]:
    for i, (before, phase) in enumerate(pairwise(election.phases), 1):
        if phase.starts <= before.starts:
            yield ("phases", i, "starts"), f"{phase.id} does not start after {before.id}"


def _words(election: "Election") -> Iterator[Misfit]:
    """Texts that users read, without words in one of the election's languages."""
    texts: list[tuple[Place, dict[str, str]]] = [((key,), getattr(election, key)) for key in ("name", "country")]
    for key in (
        "regions",
        "districts",
        "choices",
        "stages",
        "categories",
        "phases",
        "sources",
        "contests",
        "questions",
    ):
        texts += [((key, i, "name"), part.name) for i, part in enumerate(getattr(election, key))]
    texts += [(("checklists", i, "name"), c.name) for i, c in enumerate(election.checklists)]
    for i, contest in enumerate(election.contests):
        texts += [(("contests", i, "lists", j, "name"), item.name) for j, item in enumerate(contest.lists)]
    for place, text in texts:
        missing = [language for language in election.languages if not text.get(language, "").strip()]
        if missing:
            yield place, f"no words in {', '.join(missing)}"
