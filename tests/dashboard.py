"""The dashboard as a process of its own: started, listening on a port that the system gave it, ended."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests import broken_parts
from tests.forked import Forked, Process
from tests.waiting import LIMIT, eventually

ROOT = Path(__file__).parent.parent


@contextlib.contextmanager
def dashboard(store_url: str, election: str, **env: str) -> Iterator[str]:
    """The dashboard on a store, as README starts it but for its schedule; gives its address."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"BAIKOO_ELECTION": election} | env
        with started(store_url, streamlit(), Path(folder) / "log", **own) as address:
            yield address


@contextlib.contextmanager
def started(store_url: str, command: list[str], log: Path, **env: str) -> Iterator[str]:
    """A server process on a port that the system gives it; its address once it listens.

    A part that failed in it fails the test.
    """
    with running(store_url, command, log, **env) as (_, address):
        yield address
    broken_parts.check(log)


@contextlib.contextmanager
def running(store_url: str, command: list[str], log: Path, **env: str) -> Iterator[tuple[Process, str]]:
    """The process itself and its address, whatever fails in it."""
    own = {"BAIKOO_STORE": store_url, "BAIKOO_ELECTION": "kg-2021-11-28", "BAIKOO_SCHEDULE": "off"}
    environment = os.environ | own | env
    process: Process
    if command[0] == "-m" and "PYTHONPATH" not in env:
        process = Forked(command, environment, log)
    else:  # it changes what is imported
        with log.open("wb") as out:
            process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stdout=out, stderr=out)
    with ended(process):
        yield process, f"http://127.0.0.1:{eventually(lambda: listens_on(process, log), 'a server that listens')}"


@contextlib.contextmanager
def ended(process: Process) -> Iterator[None]:
    """A process that ends with this block, however that ends."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listens_on(process: Process, log: Path) -> int | None:
    """The port on which a process listens: asked of the system, once it is there."""
    assert process.poll() is None, log.read_text()
    of_process = Path(f"/proc/{process.pid}")
    with contextlib.suppress(FileNotFoundError):  # a file that it closed meanwhile
        own = {str(file.readlink()) for file in (of_process / "fd").iterdir()}
        for table in ("net/tcp", "net/tcp6"):
            for line in (of_process / table).read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == "0A" and f"socket:[{inode}]" in own:  # listens
                    return int(local.rpartition(":")[2], 16)
    return None


def streamlit(*options: str) -> list[str]:
    return ["-m", "streamlit", "run", "dashboard.py", "--server.port", "0", *options]
