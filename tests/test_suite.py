"""The tests themselves: none waits for a fixed time. (Clocks are refused by ruff: see pyproject.toml.)"""

import re
from pathlib import Path

FIXED = re.compile(r"wait_for_timeout\(|\.(wait|join)\([0-9.]+\)")
REAL_MINUTES = {"test_kill.py", "test_hour.py"}  # in `make proof`


def test_no_test_waits_for_a_fixed_time() -> None:
    files = {file for file in Path(__file__).parent.glob("*.py") if file.name not in REAL_MINUTES} - {Path(__file__)}
    assert len(files) > 40
    lines = ((file.name, line) for file in files for line in file.read_text("utf-8").splitlines())
    assert [(name, line) for name, line in lines if FIXED.search(line)] == []
