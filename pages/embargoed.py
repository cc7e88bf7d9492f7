"""What the pages say while the embargo lasts: what is under it, and until when."""

from pages import shell, words
from pages.view import View
from pages.words import _
from queries import embargo


def note(seen: View) -> None:
    """Nothing once the embargo has ended at the moment that is looked at."""
    until = embargo.until(seen.moment.election)
    if until is not None and not embargo.lifted(seen.moment):
        shell.empty(
            _(
                "Observers' votes, valid and invalid ballots are under embargo until {time}: nothing that is made of "
                "them is shown before."
            ).format(time=words.clock_time(until))
        )
