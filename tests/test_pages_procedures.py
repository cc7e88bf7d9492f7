"""The page Procedures: what stands beside each answer under each light, and where no share may stand."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from pages import names, procedures_words
from queries import moment
from queries.light import Reason
from store import clock
from store import tables as t
from store.engine import open_store
from tests.facts import ELECTION, Facts
from tests.test_pages import drawn, words_of


@pytest.fixture(scope="module")
def noon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """A store at 12:10: opening from 282 PECs of 300, in 8 of which no lots were drawn; voting until noon from 20;
    voting outside the premises where voters had applied."""
    engine = open_store(f"sqlite:///{tmp_path_factory.mktemp('procedures')}/store.sqlite")
    facts = Facts(engine)
    pecs = facts.pecs({s.id: s.sampled for s in ELECTION.strata})
    facts.pec(pecs[0], stratum="bishkek", mobile_applications=4).report(pecs[0], "mobile_voting", at="2021-11-27T19:00")
    few = [pec for i, pec in enumerate(pecs) if i % 16 != 5 or i > 290]
    _one_after_the_other(facts, few, "opening", "07:30", "drawing_of_lots", {few[i]: "no" for i in range(0, 240, 30)})
    facts.report(few[1], "opening", observer=f"{few[1]}-2", at="08:40", boxes_sealed="no")
    _one_after_the_other(facts, pecs[::15], "voting_12", "12:01", "secrecy_violated", {pecs[0]: "yes"})
    clock.set_rehearsed(engine, ELECTION.moment_of("12:10"), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAIKOO_STORE", engine.url.render_as_string(False))
        patch.setenv("BAIKOO_ELECTION", "kg-2021-11-28")
        moment.here.cache_clear()
        yield facts
        moment.here.cache_clear()
        clock.follow(None)


def _one_after_the_other(
    facts: Facts, pecs: list[str], form: str, since: str, question: str, said: dict[str, str]
) -> None:
    """A report from each PEC, ten seconds apart: the best answer to everything, but for what is said."""
    asked, reports, answers = ELECTION.asked(form), [], []
    for i, pec in enumerate(pecs):
        key = {"source": "observation", "report": f"{form}-{pec}"}
        sent = ELECTION.moment_of(since) + timedelta(seconds=10 * i)
        row = {"observer": f"{pec}-1", "pec": pec, "form": form, "submitted_at": sent, "complete": 1, "held": None}
        reports.append(key | row)
        for q in (q for q in asked.values() if q.type == "choice"):
            value = said.get(pec, q.choices[0]) if q.id == question else q.choices[0]
            answers.append(key | {"question": q.id, "value": value, "number": None, "moment_at": None})
    facts.put(t.report, *reports, at="12:05" if since > "12:00" else "08:30")
    facts.put(t.answer, *answers, at="12:05" if since > "12:00" else "08:30")


def test_an_answer_has_its_share_its_interval_and_its_fraction(noon: Facts) -> None:
    said = words_of(drawn("procedures", stage="opening"))
    lots = said.split("<b>Lots were drawn</b>", 1)[1].split("</li>", 1)[0]
    assert re.search(r"<dt>no</dt><dd><b title='Share of all PECs'>\d\.\d%</b> from \d\.\d% to \d\.\d% \(99%\)", lots)
    assert "<small>8 of 282</small>" in lots
    assert "282 of 300 sampled PECs" in lots


def test_an_amber_light_says_preliminary_and_why(noon: Facts) -> None:
    said = words_of(drawn("procedures", stage="opening"))
    assert "<span class='bk-mark bk-amber'>preliminary</span>" in said
    assert "Why preliminary: 282 of 300 sampled PECs have reported; it takes 285." in said
    assert "hollow dots are preliminary" in said


def test_pecs_whose_observers_differ_are_out_of_the_answers_and_beside_them(noon: Facts) -> None:
    said = words_of(drawn("procedures", stage="opening"))
    assert "281 of 300 sampled PECs, at 1 more the observers differ" in said


@pytest.mark.parametrize("language", ["en", "ru", "ky"])
def test_a_red_light_shows_no_percentage_but_the_count_and_what_is_missing_by_stratum(
    noon: Facts, language: str
) -> None:
    app = drawn("procedures", language, stage="voting")
    assert "%" not in words_of(app)
    assert not app.get("vega_lite_chart")
    assert all(app.dataframe[0].value[name].isna().all() for name in ("value", "low", "high"))
    if language == "en":
        assert "in 1 of the 20 PECs that have reported" in words_of(app)
        assert "20 of 300 sampled PECs have reported; it takes 240." in words_of(app)
        assert "Osh: 5 of 73 PECs have reported; it takes 37." in words_of(app)


def test_an_answer_says_which_window_it_is_about(noon: Facts) -> None:
    assert "about 08:00–12:00 (20 PECs)" in words_of(drawn("procedures", stage="voting"))
    assert "about " not in words_of(drawn("procedures", stage="opening"))


def test_of_several_windows_it_says_how_many_told_of_each_and_that_the_worst_counts(noon: Facts) -> None:
    noon.report("1000", "voting_16", at="12:09")
    said = words_of(drawn("procedures", stage="voting"))
    assert "about 08:00–12:00 (20 PECs), 12:00–16:00 (1 PEC)" in said


def test_what_was_asked_where_voters_applied_alone_is_counted_without_a_light(noon: Facts) -> None:
    said = words_of(drawn("procedures", stage="mobile"))
    assert "Counts only, and no estimate of all PECs" in said
    assert "in 1 of the 1 PECs that have reported" in said
    assert "1 of 1 sampled PECs with applications" in said
    assert "%" not in said
    assert "bk-mark" not in said


def test_the_stage_of_the_address_is_the_only_one_and_nonsense_filters_nothing(noon: Facts) -> None:
    assert ">Opening</h2>" not in words_of(drawn("procedures", stage="voting"))
    whole = words_of(drawn("procedures", stage="nonsense"))
    stages = re.findall(r"<h2 class='bk-h2'>(Voting|Opening|Voting outside[^<]*)</h2>", whole)
    assert stages == ["Voting", "Opening", "Voting outside the premises, the day before"]


def test_a_stage_to_come_says_when_it_is_expected(noon: Facts) -> None:
    said = words_of(drawn("procedures", as_of="2021-11-27T06:30"))
    assert "Opening: expected from 07:00, due by 08:30." in said
    assert "%" not in said


def test_a_region_says_that_the_share_is_of_its_pecs(noon: Facts) -> None:
    said = words_of(drawn("procedures", region="osh", stage="opening"))
    assert "Share of the PECs of the region: Osh" in said
    assert "Share of all PECs" not in said


def test_of_several_reasons_of_a_kind_the_one_furthest_off_is_said() -> None:
    near, far = Reason("width", None, 0.16, 0.15), Reason("width", None, 0.2, 0.15)
    sample = Reason("sample", None, 281, 285, 300)
    rows = [
        {"light": "red", "reasons": (near, sample)},
        {"light": "red", "reasons": (far, sample)},
        {"light": "amber", "reasons": (sample,)},
    ]
    assert procedures_words._worst(rows, "red") == [far, sample]


def test_a_stage_without_a_name_of_its_own_is_called_as_the_checklist_that_asks_about_it_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert names.stage("voting") == "Voting"
    monkeypatch.setattr(names, "here", lambda: (None, ELECTION.model_copy(update={"stages": ()})))
    assert names.stage("voting") == "Voting, 08:00–12:00"
    assert names.stage("nobody_asks") == "nobody_asks"
