"""Of parameters that say the same of another row, `make test` runs the first and `make proof` the others."""

from collections.abc import Iterable
from typing import Any

import pytest


def sparing(values: Iterable[Any], test: int) -> list[Any]:
    """The values; the first `test` of them in `make test`."""
    own = list(values)
    for n in range(test, len(own)):
        row = own[n] if isinstance(own[n], tuple) else (own[n],)
        own[n] = pytest.param(*row, marks=pytest.mark.proof)
    return own
