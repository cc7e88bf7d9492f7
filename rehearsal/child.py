"""The dashboard as a child of the rehearsal."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

_GRACE = 8.0  # seconds that it has to end by itself
_PR_SET_PDEATHSIG = 1  # Linux: the signal that a process gets when its parent is gone, killed or not


def _end_with_the_parent() -> None:
    """A rehearsal that is killed leaves no dashboard behind, which would hold the port and go on polling."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Dashboard:
    """`streamlit run dashboard.py` in a group of its own: it ends when we say so or are gone, with all it started."""

    def __init__(self, port: int, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.port", str(port)]
        everything = os.environ | environment
        self._process = subprocess.Popen(  # noqa: S603 -- ours
            command, env=everything, start_new_session=True, preexec_fn=_end_with_the_parent
        )

    @property
    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        if self.status is None:
            self._tell(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
        self._tell(signal.SIGKILL)  # whatever is left of its group
        self._process.wait()

    def _tell(self, what: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, what)
