"""The list of faults that are planted: each fits its file, its test is there, and the document has all of them."""

import ast

import pytest

from tests.faults import FAULTS, ROOT, Fault, table


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_a_text_that_stands_once_in_its_file(fault: Fault) -> None:
    assert (ROOT / fault.file).read_text("utf-8").count(fault.right) == 1
    assert fault.wrong != fault.right


def test_each_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("test", sorted({fault.test for fault in FAULTS}))
def test_the_test_that_catches_a_fault_is_there(test: str) -> None:
    file, *names = test.partition("[")[0].split("::")
    inside: ast.AST = ast.parse((ROOT / file).read_text("utf-8"))
    for name in names:
        inside = next(node for node in ast.iter_child_nodes(inside) if getattr(node, "name", "") == name)


def test_the_document_has_the_faults_as_they_are() -> None:
    assert table() in (ROOT / "docs" / "testing.md").read_text("utf-8")
