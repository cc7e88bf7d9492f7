"""Figures that are made from other figures take those from whoever keeps them for this moment, or ask anew."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary

from queries.moment import Moment

T = TypeVar("T")


class Keeper(Protocol):
    """Who keeps the figures of one moment: a snapshot."""

    moment: Moment

    def make(self, figure: Callable[..., T], /, **given: Any) -> T: ...


_keepers: WeakValueDictionary[int, Keeper] = WeakValueDictionary()


def keep(keeper: Keeper) -> None:
    """From now on this moment's figures are asked of this keeper."""
    _keepers[id(keeper.moment)] = keeper


def ask(m: Moment, figure: Callable[..., T], /, **given: Any) -> T:
    """The figure as of this moment. It may be another's too: never change it."""
    keeper = _keepers.get(id(m))
    return keeper.make(figure, **given) if keeper is not None and keeper.moment is m else figure(m, **given)
