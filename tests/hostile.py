"""Answers that no commission's site should give, made up by a seed, and a site on loopback that gives them."""

import contextlib
import gzip
import json
import random
import socket
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.commission_site import PATHS, PATIENCE, pecs, protocol

FEEDS = ("machine", "turnout")  # that answer badly; the others stay well
FEW = 20  # PECs
_MEBI = 2**20


@dataclass(frozen=True)
class Hostile:
    """What is sent for a request; then the connection is closed, or nothing comes (`hang`) until time has passed."""

    kind: str
    sent: bytes
    hang: bool = False


Make = Callable[[random.Random], bytes]
KINDS: dict[str, Make] = {}
HANGING = ("nothing", "half a head", "half a body")


def _kind(make: Make) -> Make:
    KINDS[make.__name__.strip("_").replace("_", " ")] = make
    return make


def answers(seed: int, number: int) -> list[Hostile]:
    """So many of them, of every kind in turn, in an order of their own."""
    rng = random.Random(seed)  # noqa: S311 -- no secret
    kinds = [list(KINDS)[n % len(KINDS)] for n in range(number)]
    rng.shuffle(kinds)
    return [Hostile(kind, KINDS[kind](rng), kind in HANGING) for kind in kinds]


def _answer(body: bytes, *headers: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    size = b"Content-Length: %d" % (len(body) if length is None else length)
    return b"\r\n".join((b"HTTP/1.1 " + status, size, b"Connection: close", *headers, b"", body))


def _page(**changes: Any) -> bytes:
    rows = [protocol(pec) for pec in pecs(FEW)]
    rows[-1] |= changes
    return json.dumps({"protocols": rows, "rows": []}).encode()


def _noise(rng: random.Random, most: int = 40) -> bytes:
    return rng.randbytes(rng.randint(1, most))


def _line(rng: random.Random) -> bytes:
    """Bytes without an end of line."""
    return _noise(rng).translate(None, b"\r\n")


_NAMES = (b"ETag", b"Last-Modified", b"Content-Type", b"Retry-After", b"Date", b"Location", b"Set-Cookie", b"Server",
          b"Content-Encoding", b"Transfer-Encoding", b"Content-Length", b"Connection", b"Cache-Control")  # fmt: skip


@_kind
def a_header_of_noise(rng: random.Random) -> bytes:
    return _answer(_page(), rng.choice(_NAMES) + b": " + _line(rng))


@_kind
def a_header_of_high_letters(rng: random.Random) -> bytes:
    return _answer(_page(), rng.choice(_NAMES[:8]) + b": " + bytes(rng.choices(range(0x80, 0x100), k=20)))


@_kind
def a_header_without_a_name(rng: random.Random) -> bytes:
    return _answer(_page(), rng.choice([b": x", b"no colon", b" folded", b"a b: c", b"\x00: \x00", _line(rng)]))


@_kind
def a_header_that_is_long(rng: random.Random) -> bytes:
    return _answer(_page(), rng.choice(_NAMES) + b": " + b"9" * rng.choice([1_001, 5_000, 90_000, 2 * _MEBI]))


@_kind
def many_headers(rng: random.Random) -> bytes:
    return _answer(_page(), *(b"X-%d: y" % n for n in range(rng.choice([100, 5_000, 100_000]))))


@_kind
def cookies(rng: random.Random) -> bytes:
    own = [b"a=\xff\xfe", b"a=b; Domain=.", b"a=" + b"x" * 4_000, b"=; Expires=x", _line(rng), b"a=\x01; Path=/\xe9"]
    return _answer(_page(), *(b"Set-Cookie: " + rng.choice(own) for _ in range(20)))


@_kind
def a_wait(rng: random.Random) -> bytes:
    waits = [b"9" * 5_000, b"-5", b"1e9", b"\xb2", b"Fri, 99 Foo 99999 99:99:99 GMT", _line(rng)]
    waits += [b"Sun, 28 Nov 2021 14:20:00 +9999999", b"Sun, 28 Nov 99999999999 14:20:00 GMT"]
    status = rng.choice([b"429 Wait", b"503 Busy", b"403 No"])
    dates = [b"Date: Sun, 28 Nov 2021 14:10:00", b"Date: 0", b"Date: " + _line(rng), b"X: y"]
    return _answer(b"", b"Retry-After: " + rng.choice(waits), rng.choice(dates), status=status)


@_kind
def a_status(rng: random.Random) -> bytes:
    code = rng.choice([rng.randint(100, 999), 101, 204, 205, 206, 300, 304, 401, 407, 418, 451, 511])
    return _answer(_page(), status=b"%d %s" % (code, _line(rng)))


@_kind
def a_first_line(rng: random.Random) -> bytes:
    lines = [b"HTTP/0.9 200 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"ICY 200 OK", b"HTTP/2.0 200", b""]
    return rng.choice([*lines, _line(rng)]) + b"\r\n\r\n" + _page()


@_kind
def it_goes_on_first(rng: random.Random) -> bytes:
    return b"HTTP/1.1 %d Go on\r\n\r\n" % rng.choice([100, 102, 103]) * rng.choice([1, 100, 50_000]) + _answer(_page())


@_kind
def noise_alone(rng: random.Random) -> bytes:
    return _noise(rng, 10_000)


@_kind
def a_page_gone_elsewhere(rng: random.Random) -> bytes:
    return _answer(b"", b"Location: http://127.0.0.1:%d/", status=rng.choice([b"301 A", b"302 B", b"307 C", b"308 D"]))


@_kind
def a_wrong_length(rng: random.Random) -> bytes:
    page = _page()
    return _answer(page, length=rng.choice([0, 1, len(page) - 1, len(page) + 1, 10**9, 10**30]))


@_kind
def two_lengths(rng: random.Random) -> bytes:
    return _answer(_page(), rng.choice([b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 5, 5"]))


@_kind
def chunks(rng: random.Random) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    bad = [b"zz\r\n", b"-1\r\n", b"f" * 16 + b"\r\nx", b"5;" + b"x" * 70_000 + b"\r\nabcde\r\n0\r\n\r\n", b"5\r\nab"]
    return head + rng.choice([*bad, b"1\r\n \r\n" * 20_000 + b"0\r\nTrailer: \xff\r\n\r\n", _noise(rng, 2_000)])


@_kind
def no_end(rng: random.Random) -> bytes:
    return b"HTTP/1.1 200 OK\r\n\r\n" + rng.choice([b" ", b"[", b"\x00", b'{"a":']) * (20 * _MEBI)


@_kind
def an_encoding(rng: random.Random) -> bytes:
    names = [b"br", b"deflate", b"zstd", b"gzip, gzip", b"identity, gzip", b"\xff", b"x-gzip", b"GZIP ", b"gzip;q=0"]
    bodies = [_page(), gzip.compress(_page()), gzip.compress(gzip.compress(_page())), zlib.compress(_page())]
    return _answer(rng.choice(bodies), b"Content-Encoding: " + rng.choice(names))


@_kind
def a_bomb(rng: random.Random) -> bytes:
    packed = gzip.compress(rng.choice([b" ", b"[", b"[],"]) * (40 * _MEBI))
    return _answer(packed * rng.choice([1, 5]), b"Content-Encoding: gzip")


@_kind
def a_broken_gzip(rng: random.Random) -> bytes:
    whole = bytearray(gzip.compress(_page()))
    at = rng.randrange(len(whole))
    flipped = bytes(whole[:at]) + bytes([whole[at] ^ 0x41]) + bytes(whole[at + 1 :])
    named = b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * _MEBI  # a name of a file, without end
    return _answer(rng.choice([bytes(whole[:at]), flipped, named, bytes(whole) + b"rest"]), b"Content-Encoding: gzip")


@_kind
def a_charset(rng: random.Random) -> bytes:
    names = ["utf-16", "utf-32", "utf-7", "utf-8-sig", "cp1251", "utf-16-be", "cp037"]
    text = json.dumps(json.loads(_page(region="Чүй")), ensure_ascii=False)
    charset = rng.choice([b"utf-8", b"koi8-r", b"none-such", b"\xff", b"punycode", b"zlib_codec"])
    return _answer(text.encode(rng.choice(names), "replace"), b"Content-Type: application/json; charset=" + charset)


@_kind
def a_page_with_flipped_bytes(rng: random.Random) -> bytes:
    page = bytearray(_page())
    for _ in range(rng.choice([1, 3, 30])):
        page[rng.randrange(len(page))] = rng.randrange(256)
    return _answer(bytes(page))


@_kind
def a_cut_page(rng: random.Random) -> bytes:
    return _answer(_page()[: rng.randrange(5_000)])


@_kind
def depth(rng: random.Random) -> bytes:
    deep = rng.choice([90, 500, 900, 960, 980, 1_000, 100_000])
    left, right = rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return _answer(_page(votes="@").replace(b'"@"', left * deep + b"1" + right * deep))


@_kind
def a_number(rng: random.Random) -> bytes:
    numbers = [b"1e999", b"-1e999", b"NaN", b"Infinity", b"1e308", b"1e-400", b"-0", b"-0.0", b"0.1", b"true"]
    numbers += [b"9" * 400, b"9" * 4_000, b"9" * 50_000, b'"%b"' % (b"9" * 100_000), b'"\xd9\xa3"', b'"1_000"']
    field = rng.choice([{"valid": "@"}, {"pec": "@"}, {"votes": {"1": "@"}}, {"region": "@"}])
    return _answer(_page(**field).replace(b'"@"', rng.choice(numbers)))


@_kind
def keys_twice(rng: random.Random) -> bytes:
    spaces = ["1", " 1", "1 ", "\u00a01", "1\u2003", "\ufeff1"]
    votes = {name: rng.randint(0, 300) for name in rng.sample(spaces, 4)}
    page = _page(votes=votes)
    return _answer(page.replace(b'"valid": 290', b'"valid": 290, "valid": 291', rng.randint(0, 60)))


@_kind
def texts(rng: random.Random) -> bytes:
    letters = rng.choice(["x", "\x00", "\ud800", "\U0001f5f3", "\u202e", "<b>", "'; drop table load;--"])
    text = letters * rng.choice([1, 3_000, 100_000])
    if rng.random() < 0.5:
        text = "".join(chr(rng.randint(0x400, 0x4FF)) for _ in range(20_000))  # that no index packs
    field = rng.choice(["pec", "region", "district", "valid", "votes"])
    return _answer(_page(**{field: {text: 1} if field == "votes" else text}))


@_kind
def a_shape(rng: random.Random) -> bytes:
    shapes: list[Any] = [None, 0, "", [], {}, [[]], [None], "protocols", True]
    inner = rng.choice([*shapes, {"1": {}}, [{"pec": []}], [{"pec": {}}]])
    return _answer(json.dumps(rng.choice([inner, {"protocols": inner, "rows": inner}])).encode())


@_kind
def what_is_large_unpacked(rng: random.Random) -> bytes:
    """As many small things as there is room for."""
    small = rng.choice([b"[]", b"{}", b'{"a":{}}', b'""', b"0.5", b'{"pec":1}', b'{"pec":"1001","a":[[],[],[]]}'])
    most = rng.choice([1, 8, 15, 60]) * _MEBI
    listed = b"[" + b",".join([small] * (most // (len(small) + 1))) + b"]"
    whole = [b'{"protocols":%b,"rows":[]}' % listed, _page(junk="@").replace(b'"@"', listed), listed]
    return _answer(rng.choice(whole))


@_kind
def many_places(rng: random.Random) -> bytes:
    number = rng.choice([1_000, 50_000, 400_000])
    rows = b",".join(b'{"pec":%d,"region":%d,"hour":"09:00"}' % (n, n) for n in range(5_000, 5_000 + number))
    return _answer(b'{"protocols":[%b],"rows":[%b]}' % (rows, rows[: rows.rindex(b"}") + 1]))


@_kind
def hours(rng: random.Random) -> bytes:
    odd = ["24:00", "9:60", "٠٩:٠٠", "09:٣٠", "9:00:99", "-1:00", "9", "", None, 9, "0009:00", "９:00"]
    rows = [{"region": "osh", "hour": hour, "voters": 700, "voted": 90} for hour in rng.sample(odd, 4)]
    return _answer(json.dumps({"rows": rows, "protocols": json.loads(_page())["protocols"]}).encode())


@_kind
def nothing(_: random.Random) -> bytes:
    return b""


@_kind
def half_a_head(rng: random.Random) -> bytes:
    return _answer(_page())[: rng.randint(1, 30)]


@_kind
def half_a_body(rng: random.Random) -> bytes:
    return _answer(_page())[: -rng.randint(1, 5_000)]


@dataclass
class HostileSite:
    """A site of which some pages answer with what stands in `storm`, as long as there is something."""

    storm: deque[Hostile] = field(default_factory=deque)
    good: int = 0  # stands in every good page
    sent: list[str] = field(default_factory=list)
    pass_time: Callable[[float], None] = lambda _: None
    url: str = ""
    elsewhere: str = ""  # where a page is said to have gone
    came_elsewhere: list[object] = field(default_factory=list)

    def take(self, conn: socket.socket) -> None:
        with conn, contextlib.suppress(OSError):
            asked = b""
            while b"\r\n\r\n" not in asked:
                some = conn.recv(65_536)
                if not some:
                    return
                asked += some
            self._send(conn, asked.split(b" ")[1].decode())

    def _send(self, conn: socket.socket, path: str) -> None:
        feed = next(f for f, p in PATHS.items() if p == path)
        if feed not in FEEDS or not self.storm:
            conn.sendall(_answer(self.page(feed), b"Content-Type: application/json"))
            return
        hostile = self.storm.popleft()
        self.sent.append(f"{feed}: {hostile.kind}")
        conn.sendall(hostile.sent.replace(b"http://127.0.0.1:%d/", self.elsewhere.encode()))
        if hostile.hang:
            self.pass_time(1.2 * PATIENCE)
            conn.recv(1)  # until the client gives up

    def page(self, feed: str) -> bytes:
        if feed == "turnout":
            row = {"region": "osh", "hour": "09:00", "voters": 9000, "voted": self.good}
            return json.dumps({"rows": [row]}).encode()
        rows = [{"valid": self.good}] if feed.endswith("summary") else [protocol(p, valid=self.good) for p in pecs(FEW)]
        return json.dumps({"protocols": rows, "rows": rows}).encode()


@contextlib.contextmanager
def hostile_site(storm: list[Hostile]) -> Iterator[HostileSite]:
    site = HostileSite(deque(storm))
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        site.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        site.elsewhere = f"http://127.0.0.1:{other.getsockname()[1]}/"

        def accept(on: socket.socket, take: Callable[[socket.socket], None]) -> None:
            with contextlib.suppress(OSError):  # closed: the end
                while True:
                    threading.Thread(target=take, args=(on.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, args=(server, site.take), daemon=True).start()
        threading.Thread(target=accept, args=(other, site.came_elsewhere.append), daemon=True).start()
        try:
            yield site
        finally:
            for one in (server, other):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
