"""The server: what it serves, to whom, and that every address goes through dashboard.py. Real servers, real sockets."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets import Origin
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from elections import config
from pages import charts_map, door
from store import alarms, clock
from store import tables as t
from store.alarms import Alarm
from store.engine import open_store
from tests.dashboard import ROOT, ended, started, streamlit
from tests.forked import Forked
from tests.streamlit_client import Visitor
from tests.waiting import LIMIT, eventually

ANYWHERE = "0.0.0.0"  # noqa: S104 -- what must be refused
ADDRESSES = (
    "",
    "coverage",
    "incidents",
    "equipment",
    "procedures",
    "turnout",
    "results",
    "comparison",
    "feed",
    "health",
    "pec",
)
MODULES = ("words", "shell", "door")  # files in pages/ that are no page: no address may run them


def get(url: str, **more: Any) -> httpx.Response:
    """A request with patience: on a busy machine a server that has just started is still importing."""
    return httpx.get(url, timeout=LIMIT, **more)


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with nothing in it yet, at 14:05 of the rehearsed day."""
    url = f"sqlite:///{tmp_path_factory.mktemp('server')}/store.sqlite"
    clock.set_rehearsed(open_store(url), datetime(2021, 11, 28, 8, 5, tzinfo=UTC), 0)
    return url


@pytest.fixture(scope="module")
def address(store_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(store_url, streamlit(), tmp_path_factory.mktemp("log") / "log") as url:
        yield url


# each is a server of its own: two in `make test`, all of them in `make proof`
@pytest.mark.parametrize("page", [p if p == "turnout" else pytest.param(p, marks=pytest.mark.proof) for p in ADDRESSES])
def test_a_page_that_is_the_first_request_after_a_start_goes_through_the_dashboard(
    store_url: str, tmp_path: Path, page: str
) -> None:
    with started(store_url, streamlit(), tmp_path / "log") as url, Visitor(url, page) as visitor:
        run = visitor.run()
        assert {*ADDRESSES} == {*run.pages}, "the navigation is dashboard.py's"
        assert "bk-strip" in run.html, "so is the strip"
        assert run.exceptions == []
        assert not run.page_not_found


def test_the_overview_answers_to_its_name_too(address: str) -> None:
    answer = get(f"{address}/overview?lang=ru&as_of=12:00", follow_redirects=True)
    assert str(answer.url) == f"{address}/?lang=ru&as_of=12:00"


def test_healthz_says_whether_sources_store_and_snapshot_are_fresh(store_url: str, address: str) -> None:
    """A store that is away: tests/test_pulse.py."""

    def told() -> tuple[int, dict[str, str]]:
        answer = get(f"{address}/healthz")
        assert answer.headers["cache-control"] == "no-store"
        word = answer.json()
        assert (word["store"], word["snapshot"], word["clocks"]) == ("fresh", "fresh", [])
        return answer.status_code, word["sources"]

    def polled(source: str, minutes: int, alarm: str | None = None) -> None:
        at = datetime(2021, 11, 28, 8, 5, tzinfo=UTC) - timedelta(minutes=minutes)
        row = {"source": source, "polled_at": at, "outcome": "ok", "error": alarm, "seen": 1, "milliseconds": 1}
        with store.begin() as conn:
            conn.execute(t.poll.insert(), row)

    def becomes(status: int, **sources: str) -> None:
        eventually(lambda: told() == (status, sources), f"{status} {sources}")

    store = open_store(store_url)
    becomes(503, observation="never", commission="never")
    polled("observation", 1)
    polled("commission", 30)
    becomes(503, observation="fresh", commission="stale")
    polled("commission", 5)
    becomes(200, observation="fresh", commission="late")
    polled("observation", 0, alarms.written([Alarm("late", "obs_answer", 3)]))
    becomes(503, observation="alarm", commission="late")
    with store.begin() as conn:
        conn.execute(t.poll.delete())
    store.dispose()


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"BAIKOO_ELECTION": "nowhere"}, "nowhere/election.toml: there is no such file"),
        ({"BAIKOO_ELECTION": ""}, "BAIKOO_ELECTION names no election"),
        ({"BAIKOO_STORE": ""}, "BAIKOO_STORE is empty"),
        ({"BAIKOO_STORE": "nonsense"}, "no address of a database: postgresql://"),
        ({"BAIKOO_STORE": "postgresql://user:secret@127.0.0.1:1/none"}, "port 1 failed: Connection refused"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_a_sentence_and_ends(
    tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    own = os.environ | {"BAIKOO_ELECTION": "kg-2021-11-28"} | environment
    log = tmp_path / "log"
    process = Forked(streamlit(), own, log)
    with ended(process):
        assert process.wait(LIMIT)
    out = log.read_text()
    assert "Baikoo cannot start: " in out
    assert said in out
    assert "Traceback" not in out
    assert "secret" not in out


def test_ctrl_c_ends_the_server_without_a_word(store_url: str, tmp_path: Path) -> None:
    own = os.environ | {"BAIKOO_STORE": store_url, "BAIKOO_ELECTION": "kg-2021-11-28", "BAIKOO_SCHEDULE": "off"}
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "--server.port", "0"], cwd=ROOT, env=own, stdout=out, stderr=out
        )
    with ended(process):
        eventually(lambda: "Ctrl-C ends it" in log.read_text(), "the server's first words")
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 0
    assert re.fullmatch(r"The dashboard: http://127\.0\.0\.1:\d+  Ctrl-C ends it\.\s*", log.read_text())


def test_a_file_in_pages_that_is_no_page_cannot_be_asked_for(store_url: str, tmp_path: Path) -> None:
    with started(store_url, streamlit(), tmp_path / "log") as url:
        for module in MODULES:
            with Visitor(url, module) as visitor:
                run = visitor.run()
                assert run.page_not_found
                assert {*ADDRESSES} == {*run.pages}


def test_the_server_that_is_started_plainly_listens_on_loopback_only(address: str) -> None:
    port = int(address.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="refused"), socket.create_connection((_own_address(), port), 2):
        pass


def _own_address() -> str:
    """An address of this machine that is not loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        own = str(s.getsockname()[0])
    if door.is_loopback(own):
        pytest.skip("this machine has no address but loopback")
    return own


def _stream(address: str) -> str:
    return address.replace("http", "ws") + "/_stcore/stream"


_APP_RUN = "from dashboard import app; app.run(config={'server.address': '0.0.0.0', 'server.port': 0})"
ELSEWHERE = {
    "by option": (streamlit("--server.address", ANYWHERE), {}),
    "by configuration": (streamlit(), {"STREAMLIT_SERVER_ADDRESS": ANYWHERE}),
    "by uvicorn": (["-m", "uvicorn", "dashboard:app", "--host", ANYWHERE, "--port", "0"], {}),
    "by App.run": (["-c", _APP_RUN], {}),
}


@pytest.mark.parametrize(
    "way",
    [
        "by option",
        "by uvicorn",
        *(pytest.param(w, marks=pytest.mark.proof) for w in ("by configuration", "by App.run")),
    ],
)
def test_a_server_that_is_asked_to_listen_elsewhere_serves_nothing_and_says_why(
    store_url: str, tmp_path: Path, way: str
) -> None:
    command, env = ELSEWHERE[way]
    log = tmp_path / "log"
    with started(store_url, command, log, **env) as url:
        for path in ("/", "/turnout", "/_stcore/health", "/static/js/none.js", "/favicon.png"):
            answer = get(url + path)
            assert answer.status_code == 403
            assert "serves nothing here" in answer.text
            assert ANYWHERE in answer.text
        with pytest.raises(InvalidStatus, match="403"), connect(_stream(url), open_timeout=LIMIT):
            pass
    assert "serves nothing here" in log.read_text(), "the log says it too"


def test_another_name_than_this_machines_is_refused(address: str) -> None:
    for host in ("evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost@evil.example", ""):
        answer = get(address + "/", headers={"Host": host})
        assert answer.status_code == 403, host
    for host in ("localhost", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST:80"):
        assert get(address + "/", headers={"Host": host}).status_code == 200, host


def _origins_elsewhere(address: str) -> list[str]:
    port = int(address.rpartition(":")[2])
    own_machine = [f"http://127.0.0.1:{port + 1}", f"http://localhost:{port}", f"https://127.0.0.1:{port}"]
    return [
        "http://evil.example",
        f"http://127.0.0.1:{port}.evil.example",
        "null",
        "",
        "http://127.0.0.1",
        *own_machine,
    ]


def test_no_page_but_ours_opens_the_websocket_or_reads_an_answer(address: str) -> None:
    for origin in _origins_elsewhere(address):
        with (
            pytest.raises(InvalidStatus, match="403"),
            connect(_stream(address), additional_headers={"Origin": origin}, open_timeout=LIMIT),
        ):
            pass
        for path in ("/", "/pulse", "/_stcore/health", "/_stcore/host-config"):
            assert get(address + path, headers={"Origin": origin}).status_code == 403, (origin, path)
    with connect(_stream(address), origin=Origin(address), open_timeout=LIMIT):
        assert get(address + "/", headers={"Origin": address}).status_code == 200


def test_a_page_of_another_place_takes_nothing_from_us_but_may_lead_to_us(address: str) -> None:
    for site in ("cross-site", "same-site"):
        said = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
        assert get(address + "/pulse.js", headers=said).status_code == 403
        assert get(address + "/turnout", headers=said | {"Sec-Fetch-Mode": "navigate"}).status_code == 200
    for site in ("same-origin", "none"):
        assert get(address + "/pulse.js", headers={"Sec-Fetch-Site": site}).status_code == 200


OF_PROXIES = (
    "Forwarded", "Forwarded-For", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-Forward-For", "X-Original-Host", "X-Original-URL", "X-Original-Forwarded-For", "X-Originating-IP",
    "X-Rewrite-URL", "X-Proxy-User", "X-ProxyUser-Ip", "Proxy-Client-IP", "WL-Proxy-Client-IP", "X-Real-IP",
    "X-Client-IP", "Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "X-True-IP", "X-Remote-IP", "X-Remote-Addr",
    "Remote-Addr", "X-Host", "X-HTTP-Host-Override", "X-Scheme", "X-URL-Scheme", "Front-End-HTTPS", "Via", "X-Via",
    "CDN-Loop", "CF-Connecting-IP", "CF-Ray", "Fastly-Client-IP", "Fly-Client-IP", "Akamai-Origin-Hop",
    "X-Akamai-Edgescape", "X-Azure-ClientIP", "X-Azure-FDID", "X-ARR-SSL", "X-Amzn-Trace-Id", "X-Amz-CF-Id",
    "X-AppEngine-User-IP", "X-Cloud-Trace-Context", "X-Envoy-External-Address", "X-Nginx-Proxy", "X-Varnish",
    "X-Vercel-Id", "X_Forwarded_For",
)  # fmt: skip


@pytest.mark.parametrize("name", OF_PROXIES)
def test_nobody_comes_in_through_a_proxy(address: str, name: str) -> None:
    answer = get(address + "/", headers={name: "127.0.0.1"})
    assert (answer.status_code, name.lower() in answer.text) == (403, True)
    with (
        pytest.raises(InvalidStatus, match="403"),
        connect(_stream(address), additional_headers={name: "127.0.0.1"}, open_timeout=LIMIT),
    ):
        pass


def test_every_answer_carries_the_headers_that_keep_a_page_safe(address: str) -> None:
    for path in ("/", "/turnout", "/_stcore/health"):
        headers = get(address + path).headers
        assert "unsafe-eval" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


ODD = (
    "0001-01-01T00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "1970-01-01",
    "\x00\x1b[2J",
    "٣:٤٥",
    "'; drop table pec; --",
    "<script>alert(1)</script>",
    "x" * 10_000,
)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_nothing_that_stands_in_the_address_breaks_a_page(address: str, odd: str) -> None:
    names = ("as_of", "region", "district", "form", "pec", "lang", "wall", "rotate", "category", "severity", "hour")
    for page, chosen in (("", names), ("coverage", names[:4])):  # with the panel of a PEC, and without
        with Visitor(address, page, urlencode(dict.fromkeys(chosen, odd))) as visitor:
            assert "bk-strip" in visitor.run().html


def test_the_maps_outlines_have_an_address_that_changes_with_them(address: str) -> None:
    shapes = charts_map.shapes_of(Path(str(config.read("kg-2021-11-28").map)))
    answer = get(f"{address}/{shapes.address}")
    assert answer.content == shapes.geojson
    assert "immutable" in answer.headers["cache-control"]
    assert get(f"{address}/map/{'0' * 16}.json").status_code == 404


def test_a_page_that_goes_while_it_is_spoken_to_is_no_fault() -> None:
    """Streamlit speaks to it once more where its going was noticed by another task first."""
    scope = {"type": "websocket", "server": ("127.0.0.1", 80), "headers": [(b"host", b"127.0.0.1")], "path": "/"}
    sent: list[Message] = []

    async def speaks_once_more(scope: Scope, receive: Receive, send: Send) -> None:
        page = WebSocket(scope, receive, send)
        await page.accept()
        await page.close()
        await page.close()

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(door.Door(speaks_once_more)(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]


@pytest.mark.parametrize("own", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "localhost"])
def test_an_address_of_this_machine_alone_is_loopback(own: str) -> None:
    assert door.is_loopback(own)


@pytest.mark.parametrize("other", [ANYWHERE, "::", "192.168.1.7", "::ffff:10.0.0.1", "a.org", "", "fe80::1%eth0"])
def test_any_other_address_is_not(other: str) -> None:
    assert not door.is_loopback(other)
