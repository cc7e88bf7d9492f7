"""A part of the product that fails is caught and logged, so that the rest goes on. In tests it fails the test.

A pytest plugin. A test that breaks a part on purpose says so: `@pytest.mark.breaks`.
"""

import logging
import re
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("store", "elections", "loaders", "queries", "pages", "rehearsal")
_LOGGERS = {"baikoo", *PACKAGES}
_UNCAUGHT = "streamlit.error_util"  # where Streamlit logs what a page raised; it does not pass it on to the root
# a line of a traceback that stands in our own code: a server's other tracebacks are of connections that broke
_OURS = re.compile(rf'^ +File "{re.escape(str(ROOT))}/(?:(?:{"|".join(PACKAGES)})/|dashboard\.py)', re.MULTILINE)


class _Failures(logging.Handler):
    """Every error that the product logs in this process, of whatever thread."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == _UNCAUGHT or record.name.split(".")[0] in _LOGGERS:
            self.found.append(self.format(record))


_failures = _Failures()


def failures() -> list[str]:
    """What has failed in this process in the test that is running."""
    return list(_failures.found)


def pytest_configure(config: pytest.Config) -> None:
    for name in ("", _UNCAUGHT):
        logging.getLogger(name).addHandler(_failures)


def _whole(item: pytest.Item) -> Generator[None, object, object]:
    try:
        result = yield
        if _failures.found and not item.get_closest_marker("breaks"):
            pytest.fail(f"{item.nodeid}: a part of the product failed:\n" + "\n".join(_failures.found), pytrace=False)
        return result
    finally:
        _failures.found.clear()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What failed since the last test: while this one ran, or while what it shares with others was made."""
    return (yield from _whole(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _whole(item))


def in_log(log: str) -> str:
    """A server's log from the line before the first traceback through our own code; nothing where there is none."""
    found = _OURS.search(log)
    if not found:
        return ""
    traceback = log.rfind("Traceback", 0, found.start())
    return log[log.rfind("\n", 0, max(traceback - 1, 0)) + 1 :][:20_000]


def check(log: Path) -> None:
    """Fail where a part failed in a server that wrote this log."""
    if failed := in_log(log.read_text("utf-8", "replace")):
        pytest.fail(f"a part of the product failed in the server:\n{failed}", pytrace=False)
