"""`python -m store` on a file that is no store, or no longer one: a line that says so, exit 1, no traceback."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from store.engine import open_store
from tests.conftest import OWNER
from tests.test_backup import store_command
from tests.test_store import pec, put

PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store's file, with two thousand PECs in it."""
    file = tmp_path_factory.mktemp("whole") / "store.sqlite"
    store = open_store(f"sqlite:///{file}", OWNER)
    put(store, *(pec(f"{n:04}") for n in range(2000)))
    store.dispose()
    return file.read_bytes()


def garbage(whole: bytes) -> bytes:
    """Every third page but the first, which says what file it is, is noise."""
    noise = random.Random(1)  # noqa: S311 -- no secret
    pages = [whole[at : at + PAGE] for at in range(0, len(whole), PAGE)]
    return b"".join(noise.randbytes(PAGE) if n % 3 == 1 else page for n, page in enumerate(pages))


def other_text(whole: bytes) -> bytes:
    """Bytes that are no letters where a PEC's code stood: the file is sound, its rows are not."""
    return whole.replace(b"0042", b"\xff\xfe\xfd\xfc")


@pytest.mark.parametrize("arguments", [(), ("--check",), ("--hash",), ("backup", "copy")], ids=" ".join)
@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda _: b"", "the file is empty"),
        (lambda _: b"election day\n" * 1000, "file is not a database"),
        (lambda whole: whole[:10], "file is not a database"),
        (lambda whole: whole[: len(whole) // 2], "malformed"),
        (garbage, ""),
    ],
    ids=["zero", "text", "header", "truncated", "garbage"],
)
def test_a_broken_file_is_said_in_one_line(
    whole: bytes, spoil: Callable[[bytes], bytes], why: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "store.sqlite"
    file.write_bytes(spoil(whole))
    named = [str(tmp_path / a) if a == "copy" else a for a in arguments]
    done = store_command(f"sqlite:///{file}", *named)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert done.stderr.startswith(f"sqlite:///{file}: ")
    assert done.stderr.count("\n") == 1
    assert why in done.stderr
    assert list(tmp_path.glob("copy*")) == []


def test_text_that_is_none_is_not_repeated(whole: bytes, tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    file.write_bytes(other_text(whole))
    done = store_command(f"sqlite:///{file}", "--hash")
    assert done.returncode == 1
    assert done.stderr == f"sqlite:///{file}: no store that this version reads: text that is none\n"
