"""An outage: said once in the log when it begins, and once when it is over."""

import logging
import threading
from time import monotonic

from store import terminal


class Outage:
    """Of one thing, `what`: 'the store cannot be read', a source."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log, self._what = log, what
        self._lock = threading.Lock()
        self._lasts = False
        self.since = 0.0  # by `monotonic`, the last one

    @property
    def lasts(self) -> bool:
        return self._lasts

    def goes_on(self, why: str, fault: Exception | None = None, since: float | None = None) -> None:
        """It is broken, or still is. A fault of ours is an error, and where it is stands below. It began `since`,
        where that is known: before it was noticed."""
        with self._lock:
            if not self._lasts:
                self.since = monotonic() if since is None else since
                level = logging.ERROR if fault else logging.WARNING
                self._log.log(level, "%s: %s", self._what, terminal.line(why), exc_info=fault)
            self._lasts = True

    def over(self) -> None:
        """It works."""
        with self._lock:
            if self._lasts:
                self._log.warning("over: %s", self._what)
            self._lasts = False
