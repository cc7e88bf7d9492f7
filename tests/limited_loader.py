"""A process that polls both sources when it is told to, under a limit of memory.

A line of its input is a time, at which to poll, or '+' and seconds, which pass for whoever waits for an answer. When
both polls are over it says so.
"""

import resource
import sys
import threading

from loaders import asking, schedule
from store import clock
from store.engine import connect
from tests.commission_site import ELECTION, Loop, with_source

MEMORY = 2**30  # bytes


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    loop, store, election = Loop(), connect(sys.argv[1]), with_source()
    asking.asyncio.new_event_loop = lambda: loop  # type: ignore[assignment, attr-defined] # -- its clock is put forward

    def poll(hour: str) -> None:
        with clock.frozen(ELECTION.moment_of(hour)):
            polls = [threading.Thread(target=schedule.poll, args=(store, election, s.id)) for s in election.sources]
            for one in polls:
                one.start()
            for one in polls:
                one.join()
        print("polled", flush=True)

    for line in sys.stdin:
        seconds = line.startswith("+")
        target, value = (loop.let_pass, float(line)) if seconds else (poll, line.strip())
        threading.Thread(target=target, args=(value,), daemon=True).start()


if __name__ == "__main__":
    main()
