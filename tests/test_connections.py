"""The server turns to nobody but the sources that configuration and environment name."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from store import clock
from store.engine import open_store
from tests.commission_site import ELECTION, pecs, protocol, put_frame, serving
from tests.conftest import ROOT
from tests.dashboard import started, streamlit
from tests.streamlit_client import Visitor
from tests.test_server import get
from tests.waiting import LIMIT, eventually


def test_the_server_turns_to_nobody_but_its_sources(tmp_path: Path) -> None:
    heard, store = tmp_path / "heard", f"sqlite:///{tmp_path}/store.sqlite"
    engine = open_store(store)
    put_frame(engine, *pecs())
    clock.set_rehearsed(engine, ELECTION.moment_of("20:10"), 1)
    engine.dispose()
    with serving() as site:
        site.publish("machine", [protocol("1001")])
        env = {
            "PYTHONPATH": str(ROOT / "tests" / "overheard"),
            "BAIKOO_TEST_OVERHEARD": str(heard),
            "BAIKOO_SCHEDULE": "on",
            "BAIKOO_COMMISSION": site.url,
            "BAIKOO_OBSERVATION": "sqlite:///nowhere.sqlite",
        }
        with started(store, streamlit(), tmp_path / "log", **env) as address:
            for page in ("", "turnout", "health"):
                with Visitor(address, page) as visitor:
                    visitor.run()
            for headers in ({"Origin": "http://evil.example"}, {"X-Forwarded-Host": "evil.example"}):
                with (
                    pytest.raises(InvalidStatus, match="403"),
                    connect(
                        address.replace("http", "ws") + "/_stcore/stream",
                        additional_headers=headers,
                        open_timeout=LIMIT,
                    ),
                ):
                    pass
                get(address + "/_stcore/host-config", headers=headers)
            eventually(lambda: site.times("machine"), "a poll of the commission")
        own = re.escape(repr(("127.0.0.1", int(site.url.rpartition(":")[2]))))
    turned_to = set(heard.read_text().splitlines())
    assert any(re.fullmatch(f"socket.connect {own}", line) for line in turned_to), turned_to
    assert [x for x in turned_to if not re.fullmatch(f"socket.connect {own}|socket.getaddrinfo '127.0.0.1'", x)] == []
    with sa.create_engine(store).connect() as conn:
        assert conn.execute(sa.text("select count(*) from published")).scalar()
