"""A process as `python -m …` starts it, without its imports: they take longer than most of what tests do with one."""

import multiprocessing
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol
from unittest import mock

ROOT = Path(__file__).parent.parent
# one process a worker imports what the dashboard needs, which takes two seconds of a processor; others come of it
_IMPORTED = multiprocessing.get_context("forkserver")
_IMPORTED.set_forkserver_preload(["streamlit.web.cli", "dashboard"])


class Process(Protocol):
    """What tests do to a process, be it `subprocess.Popen` or `Forked`."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, signal: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class Forked:
    """`python -m …` or `python -c …` as a process of its own; what it says goes into a file."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._command = command
        log.write_bytes(b"")
        self._process = _IMPORTED.Process(target=_run, args=(list(command), dict(env), str(log)))
        with mock.patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):  # AppTest's script is of no concern
            self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired(self._command, timeout or 0)
        return code

    def send_signal(self, signal: int) -> None:
        os.kill(self.pid, signal)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def _run(command: list[str], env: dict[str, str], log: str) -> None:
    """In the new process: as if it had been started by this command, with this environment."""
    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = command[1:]
    if command[0] == "-m":
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        exec(command[1], {"__name__": "__main__"})  # noqa: S102 -- a test's own text
