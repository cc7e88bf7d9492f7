"""A part of a page that fails fails the test that drew it, whichever way the page was drawn."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from pages import incidents
from queries import moment
from store import clock
from tests import broken_parts
from tests.dashboard import started, streamlit
from tests.facts import ELECTION, Facts
from tests.streamlit_client import Visitor
from tests.test_pages import drawn, words_of

LOGS_AN_ERROR = """
import logging
import pytest
def breaks():
    logging.getLogger("pages.shell").error("the cards cannot be drawn")
def test_plain():
    breaks()
@pytest.mark.breaks
def test_on_purpose():
    breaks()
def test_another():
    logging.getLogger("elsewhere").error("nothing of ours")
"""


def test_an_error_that_the_product_logs_fails_its_test_unless_it_is_on_purpose(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(LOGS_AN_ERROR)
    command = [sys.executable, "-m", "pytest", "-p", "tests.broken_parts", "-rA", "--rootdir", tmp_path, file]
    command += ["--basetemp", tmp_path / "tmp"]
    said = subprocess.run(command, cwd=broken_parts.ROOT, capture_output=True, text=True).stdout
    assert re.search("^FAILED .*::test_plain", said, re.MULTILINE)
    assert "the cards cannot be drawn" in said
    assert "1 failed, 2 passed" in said


@pytest.mark.breaks
def test_a_part_that_raises_is_told_of_in_this_process(
    sqlite_store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAIKOO_STORE", sqlite_store.url.render_as_string(False))
    monkeypatch.setattr(incidents, "_cards", _raises)
    moment.here.cache_clear()
    clock.set_rehearsed(sqlite_store, ELECTION.moment_of("14:05"), 0)
    app: AppTest = drawn("incidents")
    moment.here.cache_clear()
    assert "bk-broken" in words_of(app)
    assert "_raises cannot be drawn" in broken_parts.failures()[0]


def _raises(seen: object) -> None:
    raise RuntimeError


def test_a_part_that_fails_in_a_server_fails_who_draws_it_and_who_started_the_server(
    sqlite_store: sa.Engine, tmp_path: Path
) -> None:
    Facts(sqlite_store).pec("5043")
    clock.set_rehearsed(sqlite_store, ELECTION.moment_of("14:05"), 0)
    with sqlite_store.begin() as conn:
        conn.exec_driver_sql("drop table incident")
    url, log = sqlite_store.url.render_as_string(False), tmp_path / "log"
    server = started(url, streamlit(), log)
    address = server.__enter__()
    with Visitor(address, "incidents") as visitor, pytest.raises(AssertionError, match="bk-broken"):
        visitor.run()
    with Visitor(address, "incidents", breaks=True) as visitor:
        assert "bk-broken" in visitor.run().html
    with pytest.raises(pytest.fail.Exception, match="no such table: incident"):
        server.__exit__(None, None, None)
