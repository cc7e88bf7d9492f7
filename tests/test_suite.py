"""The tests themselves: none has a clock of its own."""

import re
from pathlib import Path

CLOCKS = re.compile(r"\b(sleep|perf_counter|monotonic|time\.time|datetime\.now|utcnow|wait_for_timeout)\(")
WITH_A_CLOCK = {
    "waiting.py",  # its limit
    "test_kill.py",  # its proofs kill by the second
    "steady.py",  # runs the suite, and says how long that took
}


def test_no_test_looks_at_the_time_or_sleeps() -> None:
    files = {file for file in Path(__file__).parent.glob("*.py") if file.name not in WITH_A_CLOCK}
    assert len(files) > 40
    lines = ((file.name, line) for file in files for line in file.read_text("utf-8").splitlines())
    assert [(name, line) for name, line in lines if CLOCKS.search(line)] == []
