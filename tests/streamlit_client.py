"""A browser without a picture: speaks the websocket of a Streamlit server, page by page, fragment by fragment."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from tests.waiting import LIMIT

_FINISHED_EARLY = 2  # a run that another one took the place of


@dataclass
class Run:
    """What one run of the script sent."""

    messages: list[ForwardMsg] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(m.ByteSize() for m in self.messages)

    @property
    def elements(self) -> Iterator[Any]:
        for message in self.messages:
            yield from _drawn(message)

    @property
    def exceptions(self) -> list[str]:
        return [e.exception.message for e in self.elements if e.WhichOneof("type") == "exception"]

    @property
    def html(self) -> str:
        return "\n".join(e.html.body for e in self.elements if e.WhichOneof("type") == "html")

    @property
    def failed(self) -> str:
        """What a person would see where a part or the page failed; nothing where all is well."""
        return "\n".join([*self.exceptions, *(h for h in self.html.split("\n") if "bk-broken" in h)])

    @property
    def page_not_found(self) -> bool:
        return any(m.WhichOneof("type") == "page_not_found" for m in self.messages)

    @property
    def pages(self) -> list[str]:
        """Addresses of the pages that the navigation declares."""
        for message in self.messages:
            if message.WhichOneof("type") == "navigation":
                return [p.url_pathname for p in message.navigation.app_pages]
        return []


class Visitor:
    """One session of a visitor who opened `/page?query`. A run in which a part fails raises, unless `breaks`."""

    def __init__(self, address: str, page: str = "", query: str = "", breaks: bool = False) -> None:
        self._url = address.replace("http://", "ws://") + "/_stcore/stream"
        self._breaks = breaks
        self._page, self._query = page, query
        self._cached: set[str] = set()
        self._page_hash = ""
        self.fragments: dict[str, float] = {}  # id -> seconds between its runs
        self.buttons: dict[str, tuple[str, str]] = {}  # label -> the widget's id, and its fragment's

    def __enter__(self) -> Self:
        self._open = contextlib.ExitStack()
        self._socket: ClientConnection = self._open.enter_context(
            connect(
                self._url,
                subprotocols=[Subprotocol("streamlit")],
                max_size=None,
                compression=None,
                ping_interval=None,
                open_timeout=LIMIT,  # the socket is there before the server has imported everything
            )
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def press(self, label: str) -> Run:
        """Press a button of the page, and wait until what it asked for is drawn."""
        return self._send(self._pressed(label))

    def _pressed(self, label: str) -> BackMsg:
        asked = BackMsg()
        widget = asked.rerun_script.widget_states.widgets.add()
        widget.id, asked.rerun_script.fragment_id = self.buttons[label]
        widget.trigger_value = True
        return asked

    def press_while_drawn(self, label: str) -> Run:
        """Run the page, and press one of its buttons when the first part is there; wait until all is drawn."""
        return self._send(BackMsg(), label)

    def run(self, fragment: str = "") -> Run:
        """Run the page, or one of its fragments, and wait until it is drawn."""
        asked = BackMsg()
        asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = fragment, bool(fragment)
        return self._send(asked)

    def _ask(self, asked: BackMsg) -> None:
        rerun = asked.rerun_script
        rerun.page_script_hash, rerun.page_name, rerun.query_string = self._page_hash, self._page, self._query
        rerun.cached_message_hashes.extend(self._cached)
        self._socket.send(asked.SerializeToString())

    def _send(self, asked: BackMsg, press: str = "") -> Run:
        asked.rerun_script.SetInParent()
        self._ask(asked)
        run, begun, runs = Run(), 0, 2 if press else 1
        while True:
            message = ForwardMsg()
            message.ParseFromString(self._socket.recv(LIMIT, decode=False))
            run.messages.append(message)
            buttons = [e.button for e in _drawn(message) if e.WhichOneof("type") == "button"]
            self.buttons |= {button.label: (button.id, message.delta.fragment_id) for button in buttons}
            if press and self.fragments:
                self._ask(self._pressed(press))
                press = ""
            begun += message.WhichOneof("type") == "new_session"
            if self._understand(message) and begun >= runs:
                assert self._breaks or not run.failed, run.failed
                return run

    def _understand(self, message: ForwardMsg) -> bool:
        """Remember what a browser would; True where the run is over."""
        kind = message.WhichOneof("type")
        if message.metadata.cacheable:
            self._cached.add(message.hash)
        if kind == "auto_rerun":
            self.fragments[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "new_session" and message.new_session.page_script_hash:
            self._page_hash = message.new_session.page_script_hash
        return kind == "script_finished" and message.script_finished != _FINISHED_EARLY


def _drawn(message: ForwardMsg) -> Iterator[Any]:
    """The element that a message draws, if it draws one."""
    if message.WhichOneof("type") == "delta" and message.delta.WhichOneof("type") == "new_element":
        yield message.delta.new_element
