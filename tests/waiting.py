"""Waiting for a condition: the one clock that tests have."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LIMIT = 120.0  # seconds: no machine is that slow, so a test that gets here hangs


def eventually(condition: Callable[[], T], what: str) -> T:
    """Look until the condition holds, and return what it gave. `what` is said where it never does."""
    end = time.monotonic() + LIMIT
    while not (found := condition()):
        assert time.monotonic() < end, f"it never came to pass: {what}"
        time.sleep(0.02)
    return found
