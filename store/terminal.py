"""What goes to a terminal or a log: people's words without the characters that steer one."""

import re

STEERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def spelt(text: str) -> str:
    """The text; what would move the cursor, colour the screen or turn the words round is spelt out: `\\x1b`."""
    return STEERS.sub(lambda found: ascii(found[0])[1:-1], text)


def line(text: str) -> str:
    """The same in one line."""
    return re.sub("[\t\n\r]", " ", spelt(text))
