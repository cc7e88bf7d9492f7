"""What a person decides about a falling count on the page Turnout, and the observers' quick count on Results."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from queries import moment, turnout
from store import clock
from store import tables as t
from tests.facts import ELECTION, Facts
from tests.test_pages import drawn, words_of
from tests.test_quick_count import LISTS, drawn_protocols, protocols
from tests.test_turnout import DRAWN, SIZES, reports

FALLING = "single_constituency"
NIGHT, MORNING = "2021-11-29T02:00", "2021-11-29T09:00"


@pytest.fixture
def facts(sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """The store of this process."""
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    monkeypatch.setenv("BAIKOO_ELECTION", "kg-2021-11-28")
    moment.here.cache_clear()
    yield Facts(sqlite_store)
    moment.here.cache_clear()
    clock.follow(None)


def seen_at(facts: Facts, time: str) -> None:
    clock.set_rehearsed(facts.store, ELECTION.moment_of(time), 0)


def tables(app: AppTest) -> str:
    return " ".join(f.value.to_string() for f in app.dataframe)


def accept(app: AppTest) -> AppTest:
    return next(b for b in app.button if b.label == "Accept this count").click().run()


class TestAFallingCount:
    @pytest.fixture(autouse=True)
    def fallen(self, facts: Facts) -> None:
        facts.pec("5001").pec("5002")
        for pec, noon in (("5001", 150), ("5002", 90)):
            facts.report(pec, "turnout_10", at="10:05", voters_voted=200, best=False)
            facts.report(pec, "voting_12", at="12:05", voters_voted=noon)
        seen_at(facts, "12:30")

    def test_a_person_accepts_it_with_a_name_and_a_reason_and_both_are_shown(self, facts: Facts) -> None:
        app = drawn("turnout")
        assert "left out until a person decides" in words_of(app)
        app = accept(app)
        assert [e.value for e in app.error] == ["Say who decides, and why."]
        assert app.selectbox(f"falling_{FALLING}_count").options == [
            "PEC 5001, 12:00: 150 voters, after 200 at 10:00",
            "PEC 5002, 12:00: 90 voters, after 200 at 10:00",
        ]
        app = app.selectbox(f"falling_{FALLING}_count").set_value("5002|voting_12").run()
        for label, text in (("Who decides", "Toktogulov"), ("Why this count holds", "the first was of the district")):
            next(i for i in app.text_input if i.label == label).set_value(text)
        accept(app)
        with facts.store.connect() as conn:
            row = conn.execute(t.decision.select()).one()
        assert (row.kind, row.subject, row.value, row.who, row.why) == (
            "count", "5002|voting_12|voters_voted", "90", "Toktogulov", "the first was of the district",
        )  # fmt: skip
        assert list(turnout.turnout(facts.at("12:31"), hour="12:00")["n"]) == [1]
        seen_at(facts, "12:31")
        app = drawn("turnout")
        assert "1 count accepted by a person" in words_of(app)
        for word in ("Toktogulov", "the first was of the district"):
            assert word in tables(app)
        panel = words_of(drawn("pec", pec="5002"))
        assert "90 voters, was accepted by Toktogulov at 12:30: the first was of the district" in panel
        assert "was accepted by" not in words_of(drawn("pec", pec="5001"))

    def test_the_past_is_shown_and_not_decided_on(self, facts: Facts) -> None:
        seen_at(facts, "13:00")
        app = drawn("turnout", as_of="12:30")
        assert "2 counts" in words_of(app)
        assert "Accept this count" not in [b.label for b in app.button]

    @pytest.mark.parametrize("language", ["ru", "ky"])
    def test_it_is_drawn_in_every_language(self, facts: Facts, language: str) -> None:
        assert "bk-broken" not in words_of(drawn("turnout", language))


def test_inside_and_outside_are_said_in_calm_words_with_the_margin_that_is_published(facts: Facts) -> None:
    reports(facts, facts.pecs(DRAWN))
    for time, voted, said in (
        ("12:20", 110, "The commission&#x27;s figure lies inside the interval of the observers&#x27; estimate."),
        ("12:40", 130, "lies outside the interval of the observers&#x27; estimate, by "),
    ):
        for region, pecs in SIZES.items():
            lines = {"registered": 1000, "voted": voted, "pecs": pecs}
            facts.published("turnout", region, lines, at=time, hour="12:00", scope="region")
        seen_at(facts, time)
        assert said in words_of(drawn("turnout"))
    screen = "Of the observers&#x27; counts 150 of 300 were read from the commission&#x27;s screen: that part is no"
    assert screen in words_of(drawn("turnout"))
    assert "It lies within the margin that is to be published, ± 3.05 points." in words_of(drawn("turnout"))


class TestTheQuickCount:
    HEAD = "The observers&#x27; quick count, from their copies of the protocols"

    @pytest.fixture(autouse=True)
    def night(self, facts: Facts) -> None:
        self.told = drawn_protocols(
            facts.pecs(
                DRAWN,
            )
        )
        seen_at(facts, "2021-11-29T10:00")

    @pytest.mark.parametrize("language", ["en", "ru", "ky"])
    def test_before_the_embargo_ends_results_says_until_when_and_nothing_else(
        self, facts: Facts, language: str
    ) -> None:
        protocols(facts, self.told)
        app = drawn("results", language, as_of=NIGHT)
        assert "29" in words_of(app)
        assert "bk-broken" not in words_of(app)
        assert list(app.dataframe) == []
        if language == "en":
            assert self.HEAD in words_of(app)
            assert "under embargo until 29 Nov 08:00" in words_of(app)

    @pytest.mark.parametrize("language", ["en", "ru", "ky"])
    def test_after_it_each_share_stands_under_its_light_and_districts_are_counted(
        self, facts: Facts, language: str
    ) -> None:
        protocols(facts, self.told)
        app = drawn("results", language, as_of=MORNING)
        shares, districts = (f.value for f in app.dataframe)
        assert set(shares["list"]) == {*LISTS, "invalid"}
        assert {"value", "interval", "light", "basis", "published"} <= set(shares)
        assert list(districts) == ["district", "votes", "ballots", "n", "of"]
        assert len(districts) == len(ELECTION.districts)
        if language == "en":
            assert "A district has too few sampled PECs for an estimate." in words_of(app)
            assert "300 of 300" in words_of(app)
            assert "complete enough" in words_of(app)

    def test_a_red_light_shows_no_share_but_what_is_missing(self, facts: Facts) -> None:
        protocols(facts, dict(list(self.told.items())[::2]))
        app = drawn("results", as_of=MORNING)
        assert "No share may be told yet: what is missing" in words_of(app)
        assert "150 of 300 sampled PECs have reported; it takes 240." in words_of(app)
        assert [list(f.value) for f in app.dataframe] == [["district", "votes", "ballots", "n", "of"]]
        assert "%" not in words_of(app)

    def test_an_amber_light_says_why(self, facts: Facts) -> None:
        protocols(facts, {pec: told for i, (pec, told) in enumerate(self.told.items()) if i % 8})
        app = drawn("results", as_of=MORNING)
        assert "Why preliminary: 262 of 300 sampled PECs have reported; it takes 285." in words_of(app)
        shares = app.dataframe[0].value.set_index("list")
        assert "262 of 300 sampled PECs have reported; it takes 285." in shares.loc["invalid", "lacks"]

    def test_a_chosen_region_leaves_its_districts_and_says_that_shares_are_the_countrys(self, facts: Facts) -> None:
        protocols(facts, self.told)
        app = drawn("results", as_of=MORNING, region="osh")
        assert "These shares are of the whole country" in words_of(app)
        own = {d.id for d in ELECTION.districts if d.region == "osh"}
        assert set(app.dataframe[-1].value["district"]) == own
