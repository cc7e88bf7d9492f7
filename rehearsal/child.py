"""The dashboard as a child of the rehearsal."""

import contextlib
import os
import signal
import subprocess
import sys

_GRACE = 8.0  # seconds that it has to end by itself


class Dashboard:
    """`streamlit run dashboard.py` in a group of its own: it ends when we say so, with all that it started."""

    def __init__(self, port: int, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.port", str(port)]
        everything = os.environ | environment
        self._process = subprocess.Popen(command, env=everything, start_new_session=True)  # noqa: S603 -- ours

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
