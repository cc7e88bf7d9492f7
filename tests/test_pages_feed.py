"""The pages Feed and Comparison, and a PEC's protocol on its panel: what must stand on them, and what must not yet."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from pages import charts_feed, check_words, chosen, feed_names, words
from pages import comparison as page_of_comparison
from pages import contradictions as page_of_contradictions
from queries import comparison, contradictions, feed, judging, moment
from queries.check_list import CHECKS
from store import clock
from store import tables as t
from store.engine import open_store
from store.loading import loading
from tests.facts import ELECTION, Facts
from tests.test_pages import drawn, words_of

LISTS = [item for item in ELECTION.contests[0].lists]
LINES = {"registered": 1000.0, "received": 1000.0, "issued": 300.0, "unused": 700.0, "spoiled": 0.0, "found": 300.0,
         "valid": 290.0, "invalid": 10.0, LISTS[0].id: 200.0, LISTS[1].id: 90.0}  # fmt: skip
REST = {item.id: 0.0 for item in LISTS[2:]}
NIGHT, MORNING = "23:30", "2021-11-29T09:00"
SECRET = 187  # an observer's count of votes, under embargo until the morning


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """A store of the morning after: one PEC's protocol contradicts itself, another differs from its observer's copy,
    a vote was changed after the manual protocol, two payloads were refused."""
    engine = open_store(f"sqlite:///{tmp_path_factory.mktemp('feed')}/store.sqlite")
    facts = Facts(engine)
    for code in ("5043", "5044"):
        facts.pec(code, region="osh", stratum="osh")
    facts.published("manual", "5043", LINES | REST, at="21:00")
    facts.published("manual", "5044", LINES | REST | {"found": 301.0}, at="21:00")
    facts.published("manual", "5043", {LISTS[0].id: 201.0, LISTS[1].id: 89.0}, at="21:30")
    numbers = {item.id: f"votes_{item.number}" for item in LISTS}
    said = {numbers.get(line, line): value for line, value in (LINES | REST).items()}
    said[numbers[LISTS[0].id]] = SECRET
    facts.report("5043", "protocol_single_constituency", at="22:00", best=False, copy="certified", **said)
    with clock.frozen(ELECTION.moment_of("22:30")):
        with engine.begin() as conn:
            row = {"source": "commission", "feed": "manual", "url": "https://commission.example/manual", "status": 200}
            row |= {"fetched_at": clock.now(), "content_type": "text/html", "size": 2, "sha256": "x", "body": b""}
            payload = conn.execute(t.payload.insert().returning(t.payload.c.id), row).scalar_one()
            conn.execute(
                t.poll.insert(), {"source": "commission", "polled_at": clock.now(), "outcome": "ok", "load": 4}
            )
        with loading(engine, "commission") as load:
            key = {"source": "commission", "feed": "manual", "first_payload": payload, "last_payload": payload}
            lost = {"what": "rows", "lost": 40, "held": 60, "figures": 0, "hash": "40 rows", "waits_from": load.id}
            also = {"feed": "turnout", "lost": 20, "figures": 120, "hash": "20 rows and 120 figures"}
            load.put(t.refusal, [key | lost, key | lost | also], seen=False)
    list(judging.judge(engine, ELECTION))
    clock.set_rehearsed(engine, ELECTION.moment_of("2021-11-29T10:00"), 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAIKOO_STORE", engine.url.render_as_string(False))
        patch.setenv("BAIKOO_ELECTION", "kg-2021-11-28")
        moment.here.cache_clear()
        yield facts
        moment.here.cache_clear()
        clock.follow(None)


def tables(app: AppTest) -> str:
    return " ".join(f.value.to_string() for f in app.dataframe)


@pytest.mark.parametrize("name", ["feed", "comparison", "pec"])
@pytest.mark.parametrize(
    ("language", "as_of"), [("en", ""), ("ru", NIGHT), ("ky", MORNING), ("en", "2021-11-27T06:30")]
)
def test_no_part_is_broken_in_any_language_at_any_hour(night: Facts, name: str, language: str, as_of: str) -> None:
    assert "bk-broken" not in words_of(drawn(name, language, as_of=as_of, pec="5043"))


def test_the_feed_says_what_contradicts_itself_with_its_arithmetic(night: Facts) -> None:
    app = drawn("feed", as_of=NIGHT)
    said = words_of(app)
    assert "Ballots found in the boxes: 301; valid and invalid together: 300." in said
    assert "seen by the machine: for head office" in said
    assert "PEC 5044" in said


def test_a_refused_payload_is_a_banner_on_every_page(night: Facts) -> None:
    said = words_of(drawn("strip"))
    assert "40 of 60 rows vanished at once at 22:30. The last good figures stay on the screen until" in said
    assert "20 of 60 rows and 120 figures of other rows vanished at once at 22:30." in said
    assert "40 of 60" not in words_of(drawn("strip", as_of="22:00"))


def test_a_person_accepts_the_refused_payload_on_the_feed(night: Facts) -> None:
    app = drawn("feed")
    accept = next(b for b in app.button if b.label == "Accept this payload")
    app = accept.click().run()
    assert [e.value for e in app.error] == ["Say who decides, and why."]
    for label, text in (("Who decides", "Asanova"), ("Why", "rang them")):
        next(i for i in app.text_input if i.label == label).set_value(text)
    next(b for b in app.button if b.label == "Accept this payload").click().run()
    with night.store.connect() as conn:
        row = conn.execute(t.decision.select()).one()
    assert (row.kind, row.subject, row.value, row.who, row.why) == (
        "payload", "commission|manual", "40 rows", "Asanova", "rang them",
    )  # fmt: skip
    assert "Accepted by Asanova at 29 Nov 10:00; taken at the next poll." in words_of(drawn("strip"))


def test_where_observers_votes_may_not_be_told_the_feed_does_not_say_that_nothing_differs(night: Facts) -> None:
    for as_of, told in ((NIGHT, True), (MORNING, False)):
        assert ("without what is under embargo" in words_of(drawn("feed", as_of=as_of))) == told
        quiet = words_of(drawn("feed", as_of=as_of, region="bishkek"))
        assert ("Nothing that may be shown contradicts itself right now." in quiet) == told
        assert ("contradicts itself or the observers" in quiet) != told


def test_the_past_is_not_decided_on(night: Facts) -> None:
    assert "Accept this payload" not in [b.label for b in drawn("feed", as_of=NIGHT).button]


@pytest.mark.parametrize(
    ("filters", "changes"),
    [({}, 2), ({"change_lines": "other"}, 0), ({"change": "vanished"}, 0), ({"change_count": "manual"}, 2),
     ({"change": "nonsense"}, 2), ({"region": "bishkek"}, 0)],
)  # fmt: skip
def test_the_change_log_is_filtered_by_the_address(night: Facts, filters: dict[str, str], changes: int) -> None:
    said = words_of(drawn("feed", as_of=NIGHT, **filters))
    assert ("2 changes" in said) == (changes == 2)
    assert ("No change fits these filters." in said) == (changes == 0)


@pytest.mark.parametrize("name", ["feed", "comparison", "pec"])
def test_before_the_embargo_ends_no_page_says_the_observers_votes_and_each_says_until_when(
    night: Facts, name: str
) -> None:
    app = drawn(name, as_of=NIGHT, pec="5043", line=LISTS[0].id)
    assert "under embargo until 29 Nov 08:00" in words_of(app)
    assert str(SECRET) not in words_of(app) + tables(app)
    later = drawn(name, as_of=MORNING, pec="5043", line=LISTS[0].id)
    assert "under embargo" not in words_of(later)
    assert str(SECRET) in words_of(later) + tables(later)


def test_the_comparison_counts_copies_and_states_and_filters_by_the_address(night: Facts) -> None:
    assert "1 of 2 PECs" in words_of(drawn("comparison", as_of=MORNING, protocol="differs"))
    assert "No PEC fits these filters." in words_of(drawn("comparison", as_of=MORNING, protocol="equal"))
    assert "No PEC fits these filters." in words_of(drawn("comparison", as_of=MORNING, region="bishkek"))


def test_before_the_embargo_ends_a_protocol_is_compared_without_its_votes(night: Facts) -> None:
    assert "1 of 2 PECs" in words_of(drawn("comparison", as_of=NIGHT, protocol="equal"))
    assert "No PEC fits these filters." in words_of(drawn("comparison", as_of=NIGHT, protocol="differs"))


def test_a_pecs_panel_shows_the_three_counts_and_what_was_replaced(night: Facts) -> None:
    said = drawn("pec", as_of=MORNING, pec="5043")
    assert "What was replaced in it" in words_of(said)
    assert "2 of 30 lines differ from the manual count." in " ".join(text.value for text in said.text)


@pytest.mark.parametrize("language", ["en", "ru", "ky"])
def test_every_check_state_step_and_kind_has_its_words(night: Facts, language: str) -> None:
    with words.speaking(language):
        assert [c for c in CHECKS if check_words.title(c) == c] == []
        assert [s for s in ("right", "wrong", "not_judged") if check_words.state(s) == s] == []
        assert [s for s in contradictions.STEPS[:3] if page_of_contradictions.step(s) == s] == []
        assert [k for k in feed.KINDS if k != "changed" and charts_feed.kind(k) == k] == []
        assert [s for s in comparison.STATES if "_" in page_of_comparison.state(s)] == []
        feeds = [feed_names.feed(s.id, f.id) for s in ELECTION.sources for f in s.feeds]
        assert len(set(feeds)) == len(feeds) == 5


def test_an_opened_row_stays_open_when_the_list_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, object] = {}
    monkeypatch.setattr(chosen.st, "session_state", state)
    assert chosen.kept("list", None, ["a", "b"]) is None
    assert chosen.kept("list", 1, ["a", "b"]) == 1
    assert chosen.kept("list", 1, ["new", "a", "b"]) == 2  # the table still says row 1: nobody chose 'a'
    assert chosen.kept("list", 1, ["new", "a"]) is None
    assert chosen.kept("list", 0, ["new", "a", "b"]) == 0
    assert chosen.kept("list", None, ["new", "a", "b"]) is None
