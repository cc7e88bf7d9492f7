"""A browser without a picture, many at a time: speaks the websocket of a Streamlit server and ticks its fragments."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

_FINISHED_EARLY = 2  # a run that another one took the place of


@dataclass
class Run:
    seconds: float = 0
    size: int = 0
    words: str = ""  # of everything that was drawn as HTML


@dataclass
class Visitor:
    """One open page; messages that a browser would have cached are asked for by their hash."""

    port: int
    page: str = ""
    fragments: dict[str, float] = field(default_factory=dict)  # id -> seconds between its runs
    buttons: dict[str, str] = field(default_factory=dict)  # label -> the widget's id
    _cached: set[str] = field(default_factory=set)
    _hash: str = ""

    async def __aenter__(self) -> Self:
        self._socket: ClientConnection = await connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
            ping_interval=None,
            compression=None,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    async def press(self, label: str) -> Run:
        """Press a button, and wait until what it asked for is drawn."""
        asked = BackMsg()
        widget = asked.rerun_script.widget_states.widgets.add()
        widget.id, widget.trigger_value = self.buttons[label], True
        return await self._send(asked)

    async def run(self, fragment: str = "") -> Run:
        """Run the page, or one of its fragments, and wait until it is drawn."""
        asked = BackMsg()
        asked.rerun_script.fragment_id, asked.rerun_script.is_auto_rerun = fragment, bool(fragment)
        return await self._send(asked)

    async def _send(self, asked: BackMsg) -> Run:
        rerun = asked.rerun_script
        rerun.page_script_hash, rerun.page_name = self._hash, self.page
        rerun.cached_message_hashes.extend(self._cached)
        run, started = Run(), time.perf_counter()
        await self._socket.send(asked.SerializeToString())
        while True:
            raw = await asyncio.wait_for(self._socket.recv(decode=False), 120)
            message = ForwardMsg.FromString(raw)
            run.size += len(raw)
            if self._understand(message, run):
                run.seconds = time.perf_counter() - started
                return run

    def _understand(self, message: ForwardMsg, run: Run) -> bool:
        """Remember what a browser would; True where the run is over."""
        kind = message.WhichOneof("type")
        if message.metadata.cacheable:
            self._cached.add(message.hash)
        if kind == "auto_rerun":
            self.fragments[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "new_session" and message.new_session.page_script_hash:
            self._hash = message.new_session.page_script_hash
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            if element.WhichOneof("type") == "html":
                run.words += element.html.body
            elif element.WhichOneof("type") == "button":
                self.buttons[element.button.label] = element.button.id
            elif element.WhichOneof("type") == "exception":
                raise RuntimeError(element.exception.message)
        return kind == "script_finished" and message.script_finished != _FINISHED_EARLY
