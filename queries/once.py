"""What several ask at once is made once: by the first who asks, while the others wait for it."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Once:
    """Values by key. What fails is made anew for the next who asks.

    Who waited for a value that fails gets its error. An interruption of the session that makes it is nobody's but its
    own: the next who waited makes the value.
    """

    def __init__(self) -> None:
        self._values: dict[Any, Future[Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        while True:
            with self._lock:
                mine = key not in self._values
                value = self._values.setdefault(key, Future())
            if mine:
                return self._made(key, value, make)
            try:
                return cast("T", value.result())
            except CancelledError:
                continue

    def __contains__(self, key: Any) -> bool:
        """Whether the value is made."""
        with self._lock:
            return key in self._values and self._values[key].done()

    def _made(self, key: Any, value: Future[Any], make: Callable[[], T]) -> T:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._values[key]
            if isinstance(error, Exception):
                value.set_exception(error)
            else:  # Streamlit ends a run so, where a reader went on to another page
                value.cancel()
            raise
        value.set_result(made)
        return made
