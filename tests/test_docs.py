"""The documents say what there is: every key, command, option, table and variable, and no file that is not there."""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from elections.config import Election
from loaders.contract import VIEWS
from store import tables as t

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def code(document: str) -> str:
    """Everything that stands in `code` or a code block."""
    return "\n".join(re.findall(r"```.*?```|`[^`]+`", document, re.DOTALL))


def words_in_code(document: str) -> set[str]:
    return set(re.findall(r"[\w-]+", code(document)))


def parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A part of the configuration and all that stand in it."""
    yield model
    for field in model.model_fields.values():
        for inner in inside(field.annotation):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from parts(inner)


def inside(annotation: object) -> Iterator[object]:
    yield annotation
    for argument in get_args(annotation):
        yield from inside(argument)


def test_every_key_of_an_election_is_documented() -> None:
    known = words_in_code(text("docs/election.md"))
    keys = {key for part in parts(Election) for key in part.model_fields} - {"folder"}
    assert sorted(keys - known) == []


def test_every_choice_of_a_key_is_documented() -> None:
    known = words_in_code(text("docs/election.md"))
    named = set()
    for part in parts(Election):
        for field in part.model_fields.values():
            for inner in inside(field.annotation):
                if get_origin(inner) is Literal:
                    named |= set(get_args(inner))
    assert sorted(named - known) == []


def test_every_column_of_the_views_is_documented() -> None:
    known = words_in_code(text("docs/election.md"))
    for view in VIEWS:
        assert sorted({view.name, *view.names} - known) == []


def test_every_table_of_the_store_is_documented_with_its_key() -> None:
    document = text("docs/store.md")
    for table in t.metadata.tables.values():
        assert f"`{table.name}`" in document
    for fact in t.FACTS:
        assert f"| `{fact.name}` | {', '.join(fact.info['keys'])} |" in document


@pytest.mark.parametrize(("module", "document"), [("store", "docs/store.md"), ("rehearsal", "docs/rehearsal.md")])
def test_every_option_is_documented(module: str, document: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        import_module(f"{module}.__main__").main(["--help"])
    options = set(re.findall(r"--[\w-]+", capsys.readouterr().out)) - {"--help"}
    assert options
    assert sorted(o for o in options if f"`{o}`" not in text(document)) == []


def test_every_variable_of_the_environment_is_documented() -> None:
    code = "".join(
        f.read_text("utf-8") for room in ("store", "loaders", "queries", "pages") for f in (ROOT / room).glob("*.py")
    )
    read = set(re.findall(r"environ(?:\.get\(|\[)\"(BAIKOO_\w+)\"", code + text("dashboard.py")))
    assert read
    assert sorted(v for v in read if v not in "".join(d.read_text("utf-8") for d in DOCUMENTS)) == []


def test_what_documents_point_to_is_there() -> None:
    for document in DOCUMENTS:
        said = document.read_text("utf-8")
        for link in re.findall(r"\]\(([^)#]+)\)", said):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
        for command in re.findall(r"\bmake (\w+)", code(said)):
            assert re.search(rf"^{command}:", text("Makefile"), re.MULTILINE), f"{document.name}: make {command}"
        for module in re.findall(r"python -m ([\w.]+\w)", code(said)):
            assert find_spec(module), f"{document.name}: python -m {module}"
