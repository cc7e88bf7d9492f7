"""What several ask at once: made by one, and never ended by another's interruption."""

import threading
from concurrent.futures import Future
from typing import Any

import pytest
from streamlit.runtime.scriptrunner_utils.exceptions import RerunException
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

from queries.once import Once
from tests.waiting import LIMIT, eventually


class Asked:
    """Sessions that ask for one value at once; the first makes it, which ends when it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.number, self.once = number, Once()
        self.waiting: list[int] = []
        self.made: list[int] = []
        self.got: list[Any] = []
        self.go_on = threading.Event()
        waiting = self.waiting

        class Answer(Future[Any]):
            def result(self, timeout: float | None = None) -> Any:
                waiting.append(1)
                return super().result(timeout)

        monkeypatch.setattr("queries.once.Future", Answer)

    def all(self, first: BaseException | None) -> None:
        """Let them ask; the one who makes it first gets this error."""

        def make() -> str:
            self.made.append(1)
            if len(self.made) > 1:
                return "made"
            assert self.go_on.wait(LIMIT)
            if first is not None:
                raise first
            return "made"

        def ask() -> None:
            try:
                self.got.append(self.once.get("key", make))
            except BaseException as error:
                self.got.append(error)

        threads = [threading.Thread(target=ask) for _ in range(self.number)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(self.made) + len(self.waiting) == self.number, "all of them ask")
        self.go_on.set()
        for thread in threads:
            thread.join(LIMIT)


def test_what_eight_ask_at_once_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, 8)
    asked.all(None)
    assert (asked.got, len(asked.made)) == (["made"] * 8, 1)


@pytest.mark.parametrize("interruption", [RerunException(RerunData()), KeyboardInterrupt(), SystemExit(1)])
def test_who_is_interrupted_while_they_make_it_interrupts_nobody_else(
    monkeypatch: pytest.MonkeyPatch, interruption: BaseException
) -> None:
    asked = Asked(monkeypatch, 8)
    asked.all(interruption)
    assert [got for got in asked.got if got != "made"] == [interruption]
    assert asked.got.count("made") == 7
    assert len(asked.made) == 2, "the next who waited made it"


def test_an_error_is_told_to_those_who_wait_and_the_next_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, 8)
    error = ValueError("broken")
    asked.all(error)
    assert asked.got == [error] * 8
    assert asked.once.get("key", lambda: "well") == "well"
