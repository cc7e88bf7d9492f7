"""A contradiction is seen by the machine, confirmed by a person with a picture, put to the commission, answered."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from PIL import Image

from queries import archive, contradictions, protocol
from queries.moment import Moment
from store import check, clock, decisions, pictures
from store import tables as t
from tests.facts import ELECTION, Facts

LINES = {"valid": 90.0, "invalid": 10.0, "found": 100.0}
WHERE = "found_split|single_constituency|manual|pec|1001|"


@pytest.fixture
def facts(store: sa.Engine) -> Facts:
    facts = Facts(store).pec("1001").pec("1002")
    facts.published("manual", "1001", LINES | {"found": 101.0, "issued": 100.0}, at="21:00")
    return facts.published("manual", "1002", LINES, at="21:00")


def photograph(kind: str = "JPEG", size: tuple[int, int] = (40, 30), **more: Any) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, (200, 180, 160)).save(made, kind, **more)
    return made.getvalue()


def step(store: sa.Engine, hour: str, name: str, who: str = "Asanova", with_picture: bool = False) -> None:
    with clock.frozen(ELECTION.moment_of(hour)):
        attached = pictures.picture(photograph()) if with_picture else None
        decisions.take_step(store, WHERE, name, who, "looked at their page", attached)


def row(m: Moment) -> dict[Any, Any]:
    rows = contradictions.contradictions(m)
    return dict(rows[rows["subject"] == WHERE].iloc[0])


def test_until_a_person_confirms_it_a_contradiction_is_the_machines(facts: Facts) -> None:
    found = row(facts.at("21:05"))
    assert (found["step"], found["severity"], found["left"], found["right"]) == ("seen", "serious", 101, 100)
    assert set(contradictions.contradictions(facts.at("21:05"))["place"]) == {"1001"}


def test_people_take_it_step_by_step_and_each_moment_shows_how_far_it_was(facts: Facts) -> None:
    step(facts.store, "21:10", "confirmed", with_picture=True)
    step(facts.store, "21:20", "put")
    step(facts.store, "21:30", "answered", who="Botoev")
    seen = [row(facts.as_of(hour))["step"] for hour in ("21:05", "21:15", "21:25", "21:35")]
    assert seen == ["seen", "confirmed", "put", "answered"]
    taken = contradictions.steps(facts.as_of("21:35"), WHERE)
    assert taken["who"].tolist() == ["Asanova", "Asanova", "Botoev"]
    assert taken["picture"].notna().tolist() == [True, False, False]
    assert contradictions.picture(facts.as_of("21:05"), int(taken["picture"].iloc[0])) is None
    kept = contradictions.picture(facts.as_of("21:35"), int(taken["picture"].iloc[0]))
    assert kept is not None
    assert Image.open(io.BytesIO(kept)).size == (40, 30)
    assert list(check.faults(facts.store)) == []


def test_what_holds_by_now_stays_on_the_list_where_people_took_it_further(facts: Facts) -> None:
    step(facts.store, "21:10", "confirmed", with_picture=True)
    facts.published("manual", "1001", {"found": 100.0}, at="21:20")
    found = row(facts.at("21:30"))
    assert (found["standing"], found["step"]) == ("holds", "confirmed")
    assert row(facts.as_of("21:15"))["standing"] == "stands"


def test_where_nothing_contradicts_itself_there_is_no_row(store: sa.Engine) -> None:
    facts = Facts(store).pec("1002").published("manual", "1002", LINES, at="21:00")
    rows = contradictions.contradictions(facts.at("21:05"))
    assert rows.empty
    assert list(rows.columns) == contradictions.COLUMNS
    assert rows[rows["standing"] == "stands"].empty


@pytest.mark.parametrize(
    ("name", "who", "with_picture", "reason"),
    [("confirmed", "", True, "who"), ("confirmed", "Asanova", False, "picture"), ("put", "Asanova", False, "step")],
)
def test_a_step_that_cannot_be_taken_leaves_nothing(
    facts: Facts, name: str, who: str, with_picture: bool, reason: str
) -> None:
    with pytest.raises(decisions.Refused, match=reason):
        step(facts.store, "21:10", name, who, with_picture)
    with facts.store.connect() as conn:
        assert conn.execute(sa.select(t.decision)).all() == []
        assert conn.execute(sa.select(t.picture)).all() == []


def test_a_step_is_taken_once(facts: Facts) -> None:
    step(facts.store, "21:10", "confirmed", with_picture=True)
    with pytest.raises(decisions.Refused, match="step"):
        step(facts.store, "21:11", "confirmed", "Botoev", with_picture=True)


def test_a_picture_is_kept_without_what_the_telephone_wrote_into_it() -> None:
    exif = Image.Exif()
    exif[0x010E] = "Kok-Jangak school"  # a description
    exif[0x0112] = 6  # lies on its side
    sent = photograph(exif=exif.tobytes(), comment=b"Asanova Gulnara")
    assert b"Kok-Jangak" in sent
    kept = pictures.picture(sent).body
    assert b"Kok-Jangak" not in kept
    assert b"Asanova" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert (image.size, image.format, len(image.getexif())) == ((30, 40), "JPEG", 0)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (lambda: b"", "kind"),
        (lambda: b"<html><script>alert(1)</script>", "kind"),
        (lambda: b"\xff\xd8\xff<svg onload=alert(1)>", "kind"),
        (lambda: photograph()[:200], "kind"),
        (lambda: photograph("GIF"), "kind"),
        (lambda: b"\xff\xd8\xff" + b"0" * pictures.LARGEST, "large"),
        (lambda: photograph("PNG", (8_000, 8_000)), "large"),
    ],
    ids=["nothing", "a page", "a drawing behind a JPEG's first bytes", "half a JPEG", "a GIF", "bytes", "points"],
)
def test_what_is_no_picture_is_refused_whatever_it_is_called(sent: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(pictures.NoPicture, match=reason):
        pictures.picture(sent())


def _protocols(facts: Facts) -> None:
    lists = {f"votes_{item.number}": 1 for item in ELECTION.contests[0].lists}
    facts.report("1001", "protocol_single_constituency", at="22:00", copy="certified", found=99, **lists)


def test_no_contradiction_prints_observers_votes_before_the_embargo_ends(facts: Facts) -> None:
    _protocols(facts)
    lists = {item.id for item in ELECTION.contests[0].lists}
    facts.published("manual", "1001", dict.fromkeys(lists, 2.0), at="21:30")
    before, after = facts.as_of("23:00"), facts.at("2021-11-29T09:00")
    early, late = contradictions.contradictions(before), contradictions.contradictions(after)
    differs = early["check"] == "protocol_differs", late["check"] == "protocol_differs"
    assert not set(early["line"]) & lists
    assert not ((early["check"] == "valid_votes") & (early["count"] == "observed")).any()
    assert late[differs[1]]["lines"].item() == early[differs[0]]["lines"].item() + len(lists)


def test_the_history_of_a_protocol_has_each_sides_versions_and_no_votes_before_the_embargo_ends(facts: Facts) -> None:
    _protocols(facts)
    facts.published("manual", "1001", {"found": 100.0}, at="22:30")
    early = protocol.history(facts.as_of("23:00"), "1001")
    late = protocol.history(facts.at("2021-11-29T09:00"), "1001")
    found = late[(late["side"] == "manual") & (late["field"] == "found")]
    assert found["value"].tolist() == [101, 100]
    assert found["replaced_at"].notna().tolist() == [True, False]
    assert set(late.loc[late["votes"], "side"]) == {"observed"}
    assert not early["votes"].any()
    assert set(early["side"]) == {"observed", "manual"}


def test_a_payload_is_saved_under_a_name_that_no_program_opens() -> None:
    assert archive.file_name("commission", "machine_summary", 57) == "commission-machine_summary-57.raw"
    assert archive.file_name("../../etc", 'x".html\r\n', 1) == "etc-x-html-1.raw"
