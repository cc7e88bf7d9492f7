"""What is installed is locked, file by file, and every licence in it that is not permissive is listed."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
USED = {"requirements": "runtime", "requirements-test": "tests"}
# Licences as packages spell them. A spelling that is new here is one to look at.
PERMISSIVE = {
    *("0BSD", "3-Clause BSD License", "BSD 2-Clause License", "BSD License", "BSD-2-Clause", "BSD-3-Clause"),
    *("Apache 2.0", "Apache License 2.0", "Apache Software License", "Apache-2.0"),
    *("BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT License", "MIT-CMU", "PSF-2.0", "Unlicense", "Zlib"),
}


def wanted(name: str) -> dict[str, Requirement]:
    """What a .in file names."""
    lines = (ROOT / f"{name}.in").read_text("utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {canonicalize_name(r.name): r for r in found}


def locked(name: str) -> dict[str, tuple[Requirement, int]]:
    """What a lock holds, each with how many files of it are known by their hash."""
    text = (ROOT / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and line[0] not in " #"]
    found = [(Requirement(line.split(" --hash=")[0]), line.count(" --hash=sha256:")) for line in lines]
    return {canonicalize_name(r.name): (r, files) for r, files in found}


def licence(name: str) -> str:
    """As the package says it: an SPDX expression, or the classifiers, or the old field of free text."""
    about = metadata.metadata(name)
    classifiers = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier", []) if c.startswith("License ::")]
    return about.get("License-Expression") or " AND ".join(classifiers) or about.get("License") or "unknown"


def is_permissive(said: str) -> bool:
    return set(re.split(r" (?:AND|OR) ", said)) <= PERMISSIVE


def restricted() -> dict[str, str]:
    """Every locked package that is installed here under a licence that is not permissive, and where it is used."""
    found: dict[str, str] = {}
    for file, use in USED.items():
        for name, (requirement, _) in locked(file).items():
            here = requirement.marker is None or requirement.marker.evaluate()
            if here and not is_permissive(licence(name)):
                found.setdefault(name, use)
    return found


@pytest.mark.parametrize("name", USED)
def test_every_requirement_is_locked_in_its_version_with_the_hash_of_every_file(name: str) -> None:
    lock = locked(name)
    for package, requirement in wanted(name).items():
        assert lock[package][0].specifier == requirement.specifier, package
    assert [package for package, (_, files) in lock.items() if not files] == []
    assert [package for package, (r, _) in lock.items() if not re.fullmatch(r"==[^,*]+", str(r.specifier))] == []


def test_the_tests_run_with_the_versions_that_baikoo_runs_with() -> None:
    runtime, tests = locked("requirements"), locked("requirements-test")
    both = runtime.keys() & tests.keys()
    assert both
    assert [name for name in both if runtime[name][0].specifier != tests[name][0].specifier] == []


def test_a_lock_names_no_place_that_files_come_from() -> None:
    for name in USED:
        assert "://" not in (ROOT / f"{name}.txt").read_text("utf-8")


def test_every_licence_that_is_not_permissive_is_listed_and_no_other() -> None:
    document = (ROOT / "docs" / "licences.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w.-]+)` \| [^|]+ \| (\w+) \|", document, re.MULTILINE)
    assert dict(rows) == restricted()


@pytest.mark.parametrize("said", ["LGPL-3.0-only", "MIT AND GPL-2.0-only", "Mozilla Public License 2.0", "unknown"])
def test_a_licence_that_is_not_known_as_permissive_is_not(said: str) -> None:
    assert not is_permissive(said)
    assert is_permissive("BSD-3-Clause AND 0BSD AND MIT")
