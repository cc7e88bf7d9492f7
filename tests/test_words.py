"""Every word on the screen in every language, and numbers and times as each language writes them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from elections.config import Election
from pages import cards, health, names, words
from queries import changes
from queries.coverage import STATES

ROOT = Path(__file__).parent.parent
LANGUAGES = ("ru", "ky")
# the same in English and in the others, or in one of them
SAME = {"{date}: {percent}", "HTTP status"}
DRAWN = {
    "text", "caption", "markdown", "write", "header", "subheader", "title", "button", "download_button", "text_input",
    "selectbox", "segmented_control", "pills", "radio", "checkbox", "toggle", "expander", "popover", "tabs", "metric",
    "info", "warning", "error", "success", "heading", "empty", "banner", "Column", "Card", "figure_card", "Tooltip",
    "Page", "link_button", "page_link",
}  # fmt: skip
# not read as words: a format, a name of an input that nobody sees
NO_WORDS = {"CSV", "SHA-256", "EN / RU / KY", " "}


@dataclass(frozen=True)
class Message:
    """A message of the code: singular, and plural where it has one."""

    forms: tuple[str, ...]
    where: str


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted([ROOT / "dashboard.py", ROOT / "queries" / "reasons.py", *(ROOT / "pages").glob("*.py")]):
        yield file, ast.parse(file.read_text("utf-8"))


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def messages() -> list[Message]:
    """What the code says through gettext, read from its syntax: f-strings hide nothing from it."""
    found = []
    for file, tree in _sources():
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and _called(n) in ("_", "n_")):
            forms = call.args[: 1 if _called(call) == "_" else 2]
            where = f"{file.name}:{call.lineno}"
            texts = [f.value for f in forms if isinstance(f, ast.Constant) and isinstance(f.value, str)]
            assert len(texts) == len(forms), f"{where}: words that are not written out cannot be translated"
            found.append(Message(tuple(texts), where))
    return found


def catalogue(language: str) -> Catalog:
    with (ROOT / "locale" / language / "LC_MESSAGES" / "baikoo.po").open("rb") as lines:
        return read_po(lines, locale=language)


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w*)\}", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_on_the_screen_has_its_translation(language: str) -> None:
    known = catalogue(language)
    for message in messages():
        entry = known.get(message.forms[0])
        assert entry is not None, f"{message.where}: {message.forms[0]!r} is not in the {language} catalogue"
        said = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert len(said) == (known.num_plurals if len(message.forms) == 2 else 1), f"{message.forms}: {said}"
        assert all(s.strip() for s in said), f"{message.where}: {message.forms[0]!r} is empty in {language}"
        assert not entry.fuzzy, f"{message.forms[0]!r} is fuzzy in {language}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_the_english(language: str) -> None:
    for entry in catalogue(language):
        singular = entry.id[0] if isinstance(entry.id, tuple) else entry.id
        if not singular or singular in SAME or not re.search(r"[A-Za-z]{2}", re.sub(r"\{\w*\}", "", singular)):
            continue
        said = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert singular not in said, f"{singular!r} is English in {language}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_loses_a_placeholder_or_makes_one_up(language: str) -> None:
    for entry in catalogue(language):
        forms = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        for said in entry.string if isinstance(entry.string, tuple) else (entry.string,):
            assert _placeholders(said) == _placeholders(forms[0]), f"{forms[0]!r} in {language}: {said!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_nothing_that_nobody_says(language: str) -> None:
    said = {m.forms[0] for m in messages()}
    known = {e.id[0] if isinstance(e.id, tuple) else e.id for e in catalogue(language) if e.id}
    assert known - said == set()


def test_no_words_are_drawn_past_gettext() -> None:
    past = []
    for file, tree in _sources():
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and _called(n) in DRAWN and n.args):
            first = call.args[0]
            if isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "log":
                continue
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value not in NO_WORDS:
                past.append(f"{file.name}:{call.lineno}: {first.value!r}")
    assert past == []


def _glossary() -> list[tuple[list[str], list[str], list[str]]]:
    """The rows of docs/glossary.md: alternatives in English, Russian and Kyrgyz."""
    rows = []
    for line in (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) >= 3 and not cells[0].startswith(("---", "English")):
            english, russian, kyrgyz = ([w.strip() for w in c.split(",")] for c in cells[:3])
            rows.append((english, russian, kyrgyz))
    return rows


def _says(said: str, term: str) -> bool:
    """Whether a text has all words of a term, whatever their endings; abbreviations as they are."""
    stems = [w if w.isupper() else w.lower()[: max(4, len(w) - 3)] for w in term.split()]
    return all(stem in said or stem in said.lower() for stem in stems)


def test_the_glossary_is_there_to_be_kept() -> None:
    assert len(_glossary()) >= 25


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_use_the_words_of_the_glossary(language: str) -> None:
    place = 1 + LANGUAGES.index(language)
    wrong = []
    for entry in catalogue(language):
        english = entry.id[0] if isinstance(entry.id, tuple) else entry.id
        said = entry.string[0] if isinstance(entry.string, tuple) else entry.string
        for row in _glossary():
            if not any(re.search(rf"(?<![\w{{]){re.escape(term)}s?(?![\w}}])", english, re.I) for term in row[0]):
                continue
            if not any(_says(said, term) for term in row[place]):
                wrong.append(f"{english!r}: {said!r} has none of {row[place]}")
    assert wrong == []


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_every_code_that_a_figure_may_have_is_said_in_words(language: str) -> None:
    loaders = "".join(f.read_text("utf-8") for f in (ROOT / "loaders").glob("*.py"))
    reasons = set(re.findall(r"Wrong\(\s*\"([a-z_]+)\"", loaders))
    assert len(reasons) > 15
    with words.speaking(language):
        assert [r for r in reasons if names.reason(r) == r] == []
        assert [s for s in STATES if "_" in names.state(s)] == []
        assert [w for w in changes.WHAT if "×" in cards.change(w, 2)] == []
        assert [s for s in ("ok", "amber", "red", "never") if health.state_word(s) == s] == []


def test_numbers_are_written_as_the_language_writes_them() -> None:
    with words.speaking("en"):
        assert words.number(1234567) == "1,234,567"
        assert words.number(0.5, 2) == "0.50"
        assert words.share(0.951, 1234, 1298) == "95.1% (1,234 of 1,298)"
        assert words.interval(0.232, 0.369, 0.99) == "from 23.2% to 36.9% (99%)"
    with words.speaking("ru"):
        assert words.number(1234567) == "1\u202f234\u202f567"
        assert words.share(0.951, 1234, 1298) == "95,1\u202f% (1\u202f234\u00a0из\u00a01\u202f298)"
    with words.speaking("ky"):
        assert words.number(1234.5, 1) == "1\u202f234,5"
        assert words.share(0.951, 1234, 1298) == "95,1\u202f% (1\u202f298\u00a0ичинен\u00a01\u202f234)"


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_what_is_missing_is_a_dash_and_never_a_zero(nothing: float | None) -> None:
    with words.speaking("en"):
        assert {words.number(nothing), words.percent(nothing), words.duration(nothing)} == {words.NOTHING}
        assert words.clock_time(None) == words.NOTHING


def test_plurals_follow_the_language() -> None:
    def said(n: int) -> str:
        return words.n_("{n} turn", "{n} turns", n).format(n=n)

    with words.speaking("ru"):
        assert [said(n) for n in (1, 2, 5, 11, 21, 22)] == [
            "1 смена", "2 смены", "5 смен", "11 смен", "21 смена", "22 смены",
        ]  # fmt: skip
    with words.speaking("ky"):
        assert [said(n) for n in (1, 5)] == ["1 өзгөрүш", "5 өзгөрүш"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (12, "12 s"), (100, "1 min 40 s"), (720, "12 min"), (6000, "1 h 40 min"), (7200, "2 h"),
     (86_400, "1 d"), (97_200, "1 d 3 h"), (-3, "0 s")],
)  # fmt: skip
def test_a_duration_is_said_in_two_units_at_most(seconds: float, said: str) -> None:
    with words.speaking("en"):
        assert words.duration(seconds) == said


def test_times_are_the_elections_and_another_day_says_its_date(
    monkeypatch: pytest.MonkeyPatch, election: Election
) -> None:
    monkeypatch.setattr(words, "here", lambda: (None, election))
    afternoon, next_morning = datetime(2021, 11, 28, 8, 5, 9, tzinfo=UTC), datetime(2021, 11, 29, 4, tzinfo=UTC)
    with words.speaking("en"):
        assert words.clock_time(afternoon) == "14:05"
        assert words.clock_time(afternoon, seconds=True) == "14:05:09"
        assert words.clock_time(next_morning) == "29 Nov 10:00"
        assert words.offset(afternoon) == "UTC+6"
        assert words.date(afternoon.date()) == "28 November 2021"
    with words.speaking("ru"):
        assert words.date(afternoon.date()) == "28 ноября 2021\u202fг."
    with words.speaking("ky"):
        assert "ноябр" in words.date(afternoon.date())


@pytest.mark.parametrize(
    ("locale", "language"), [("ru-RU", "ru"), ("ky", "ky"), ("ky_KG", "ky"), ("de-DE", "en"), (None, "en"), ("", "en")]
)
def test_the_browsers_language_is_spoken_where_it_is_offered(locale: str | None, language: str) -> None:
    assert words.preferred(locale, ("en", "ru", "ky")) == language
