"""Equipment: at how many PECs it failed, what is not working now, who was turned away, failure by failure."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from elections.config import Checklist, Election, Question
from queries import answers, grid, sample, yes_no
from queries.kept import KeptOfMoment
from queries.moment import Moment
from queries.turnout import estimate_columns, thresholds

NEWS = pd.Timedelta(minutes=60)  # after so long without news, nobody knows whether an open failure still lasts


def devices(election: Election) -> list[str]:
    """The devices that checklists ask about."""
    return list(dict.fromkeys(q.of for q in election.questions if q.meaning == "equipment" and q.of))


def failures(
    m: Moment, by: Sequence[str] = ("device",), region: str | None = None, device: str | None = None
) -> pd.DataFrame:
    """The columns of `by` (device, region), and of the sampled PECs:

    pecs_failed (at least once so far: the worst answer in some window, or an episode), open_now, end_unknown (PECs
    with an episode that has no end: news of it within the hour, or none), pecs_replaced (a box was replaced),
    n (PECs that answered the checklist's question), failed_of_n (of these, those that failed), of (sampled),
    conflicts (PECs whose observers differ), value, low, high, margin, confidence, light, drift, reasons, merged_strata
    (of all PECs; in a region from its own strata; as of `procedures`: none under a red light).

    Who reports an episode has not yet answered: where something fails people report it at once, and an estimate
    from them would be 100% before the first checklist.
    """
    grid.check_by("equipment", by, ("device", "region"))
    names = list(dict.fromkeys(["device", *by]))
    everywhere = sample.drawn(m.election)
    parts = sample.by_region(everywhere, sample.pecs(m))
    rows: list[dict[str, Any]] = []
    for name in [d for d in devices(m.election) if device in (None, d)]:
        own = _SEEN.of(m)[name]
        if "region" not in names and region is None:
            rows.append({"device": name, **_row(m, own, everywhere, everywhere.of)})
            continue
        for place in [r.id for r in m.election.regions if not r.abroad and region in (None, r.id)]:
            drawn = parts.get(place)
            here = own[own["region"] == place]
            of = drawn.of if drawn else len(here)
            rows.append({"device": name, "region": place, **_row(m, here, drawn, of)})
    columns = [*names, "pecs_failed", "open_now", "end_unknown", "pecs_replaced", "n", "failed_of_n", "of", "conflicts",
               *_ESTIMATE]  # fmt: skip
    return sample.numbers(pd.DataFrame(rows, columns=columns))


def _all_seen(m: Moment) -> dict[str, pd.DataFrame]:
    pecs = sample.pecs(m)[["pec", "region", "stratum"]]
    happened, first, forms = episodes(m), yes_no.first_reports(m, pecs["pec"]), yes_no.forms(m.election)
    seen = {}
    for name in devices(m.election):
        asked = {form for subject in _subjects(m.election, "equipment", name) for form in forms[subject]}
        own = _seen(m, name, pecs, happened[happened["device"] == name])
        seen[name] = own.assign(order=np.min([first[form] for form in asked], axis=0, initial=np.inf))
    return seen


_SEEN = KeptOfMoment(_all_seen)


def _seen(m: Moment, device: str, pecs: pd.DataFrame, happened: pd.DataFrame) -> pd.DataFrame:
    """The sampled PECs and what is known of a device: answered, failed, conflict, replaced, open, end_unknown."""
    failed = _subjects(m.election, "equipment", device)
    replaced = _subjects(m.election, "replaced_by", device)
    worst = {answers.subject(q): len(q.choices) for q in m.election.questions}
    said = answers.day_answers(m, failed | replaced, pecs[["pec"]])
    said["worst"] = said["rank"] == said["subject"].map(worst)
    about = said[said["subject"].isin(failed)]
    own = pecs.copy()
    own["failed"] = own["pec"].isin(about.loc[about["worst"], "pec"]) | own["pec"].isin(happened["pec"])
    own["answered"] = own["pec"].isin(about.loc[~about["conflict"], "pec"])
    own["conflict"] = own["pec"].isin(about.loc[about["conflict"], "pec"]) & ~own["answered"]
    boxes = said[said["subject"].isin(replaced) & said["worst"]]
    own["replaced"] = own["pec"].isin(boxes["pec"]) | own["pec"].isin(happened.loc[happened["replaced"], "pec"])
    own["open"] = own["pec"].isin(happened.loc[happened["state"] == "open", "pec"])
    own["end_unknown"] = own["pec"].isin(happened.loc[happened["state"] == "end_unknown", "pec"]) & ~own["open"]
    return own


def _row(m: Moment, own: pd.DataFrame, drawn: sample.Drawn | None, of: int) -> dict[str, Any]:
    answered = own[own["answered"]]
    counted = answered[answered["stratum"].isin(drawn.sizes)] if drawn else answered
    (failed, _works), merged = yes_no.shares(
        tuple((2 - counted["failed"]).tolist()),  # the first of two choices
        tuple(counted["stratum"]),
        tuple(counted["order"]),
        2,
        drawn,
        thresholds(m.election),
        m.election.estimates.confidence,
    )
    estimate = estimate_columns(m.election, *failed, merged)
    return {
        "pecs_failed": int(own["failed"].sum()),
        "open_now": int(own["open"].sum()),
        "end_unknown": int(own["end_unknown"].sum()),
        "pecs_replaced": int(own["replaced"].sum()),
        "n": len(answered),
        "failed_of_n": int(answered["failed"].sum()),
        "of": of,
        "conflicts": int(own["conflict"].sum()),
        **{name: estimate[name] for name in _ESTIMATE},
    }


_ESTIMATE = ("value", "low", "high", "margin", "confidence", "light", "drift", "reasons", "merged_strata")


def _subjects(election: Election, meaning: str, device: str | None = None) -> set[str]:
    """The checklists' questions with a meaning; an episode's own questions stand in `episodes`."""

    def wanted(checklist: Checklist, question: Question) -> bool:
        about = question.meaning == meaning and device in (None, question.of)
        return about and (checklist.expected_from != "any" or bool(checklist.hour))

    return {answers.subject(q) for q in answers.questions(election, wanted)}


def turned_away(m: Moment, by: Sequence[str] = (), region: str | None = None) -> pd.DataFrame:
    """Voters turned away, by band: the columns of `by` (region), band, pecs (that say so for the day), n, of."""
    grid.check_by("voters turned away", by, ("region",))
    pecs = sample.pecs(m, region)
    asked = [q for q in m.election.questions if q.meaning == "turned_away"]
    said = answers.day_answers(m, [answers.subject(q) for q in asked], pecs)
    said = said[~said["conflict"]]
    regions = [r.id for r in m.election.regions if not r.abroad and region in (None, r.id)]
    parts = sample.by_region(sample.drawn(m.election), sample.pecs(m))
    rows: list[dict[str, Any]] = []
    for place in regions if by or region else [None]:
        own = said if place is None else said[said["region"] == place]
        drawn = sample.drawn(m.election) if place is None else parts.get(place)
        of = drawn.of if drawn else int((pecs["region"] == place).sum())
        for q in asked:
            about = own[own["subject"] == answers.subject(q)]
            for rank, band in enumerate(q.choices, 1):
                row = {"region": place, "band": band, "pecs": int((about["rank"] == rank).sum())}
                rows.append(row | {"n": len(about), "of": of})
    return pd.DataFrame(rows, columns=[*by, "band", "pecs", "n", "of"])


def episodes(
    m: Moment, device: str | None = None, region: str | None = None, district: str | None = None
) -> pd.DataFrame:
    """The failures, newest first; also at PECs that are not in the sample.

    pec, region, district, device, from_at, to_at (none: it has no end yet), replaced (bool), state (open, ended,
    end_unknown: no news of it for an hour), minutes (so far; of an unknown end until its last
    news), reported_at, news_at (last heard of it), known_at
    (when that was loaded), observer, report.
    """
    questions = {str(q.meaning): q for q in _episode_questions(m.election).values()}
    named = {name: questions[name].id if name in questions else "" for name in _MEANINGS}
    rows = m.frame(
        """
        with said as (
            select r.source, r.report, r.pec, r.observer, r.submitted_at,
                max(case when a.question = :device_question then a.value end) as device,
                max(case when a.question = :from_question then a.moment_at end) as from_at,
                max(case when a.question = :to_question then a.moment_at end) as to_at,
                max(case when a.question = :replaced_by_question then a.value end) as replaced_by
            from report_now r join answer_now a on a.source = r.source and a.report = r.report
            where r.held is null and r.form in (select form from episode_form)
            group by r.source, r.report, r.pec, r.observer, r.submitted_at),
        news as (
            select source, report, min(load_from) as first, max(load_from) as last
            from (
                select r.source, r.report, r.load_from from report r where r.form in (select form from episode_form)
                union all
                select a.source, a.report, a.load_from
                from report_now r join answer a on a.source = r.source and a.report = r.report
                where r.form in (select form from episode_form)) as versions
            where load_from <= :load
            group by source, report)
        select s.pec, p.region, p.district, s.device, s.from_at, s.to_at, s.replaced_by,
            s.submitted_at as reported_at,
            case when n.last > n.first and l.committed_at > s.submitted_at then l.committed_at
                else s.submitted_at end as news_at,
            l.committed_at as known_at, s.observer, s.report
        from said s
        join news n on n.source = s.source and n.report = s.report
        join load l on l.id = n.last
        left join pec_now p on p.pec = s.pec
        where s.device is not null
            and (cast(:device as text) is null or s.device = :device)
            and (cast(:region as text) is null or p.region = :region)
            and (cast(:district as text) is null or p.district = :district)
        order by s.from_at desc, s.pec, s.report
        """,
        {"episode_form": [{"form": form} for form in episode_forms(m.election)] or [{"form": ""}]},
        device=device,
        region=region,
        district=district,
        device_question=named["device"],
        from_question=named["episode_from"],
        to_question=named["episode_to"],
        replaced_by_question=named["replaced_by"],
    )
    kept = questions["replaced_by"].choices[:1] if "replaced_by" in questions else ()
    replaced = rows.pop("replaced_by")
    rows["replaced"] = replaced.notna() & ~replaced.isin(kept)
    at = pd.Timestamp(m.at)
    ended = rows["to_at"].notna()
    unknown = ~ended & (rows["news_at"] < at - NEWS)
    rows["state"] = pd.Series("open", index=rows.index).mask(ended, "ended").mask(unknown, "end_unknown")
    until = rows["to_at"].fillna(rows["news_at"].where(unknown)).fillna(at)
    lasted = (until - rows["from_at"]).dt.total_seconds() // 60
    rows["minutes"] = lasted.where(lasted >= 0).astype("Int64")
    return rows[_EPISODE]


_MEANINGS = ("device", "episode_from", "episode_to", "replaced_by")
_EPISODE = ["pec", "region", "district", "device", "from_at", "to_at", "replaced", "state", "minutes", "reported_at",
            "news_at", "known_at", "observer", "report"]  # fmt: skip


def episode_forms(election: Election) -> list[str]:
    return [f for f in election.forms if any(q.meaning == "device" for q in election.asked(f).values())]


def _episode_questions(election: Election) -> dict[str, Question]:
    return {id_: q for form in episode_forms(election) for id_, q in election.asked(form).items()}


def worst(m: Moment, region: str | None = None, district: str | None = None) -> pd.DataFrame:
    """The PECs with failures, longest first: pec, region, district, episodes, minutes (in all), open, replaced."""
    rows = episodes(m, region=region, district=district)
    rows["open"] = rows["state"] != "ended"
    found = rows.groupby("pec", as_index=False).agg(
        region=("region", "first"),
        district=("district", "first"),
        episodes=("report", "size"),
        minutes=("minutes", "sum"),
        open=("open", "max"),
        replaced=("replaced", "max"),
    )
    return found.sort_values(["minutes", "pec"], ascending=[False, True]).reset_index(drop=True)
