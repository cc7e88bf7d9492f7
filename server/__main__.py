"""Start the dashboard: `python -m server`. Options are those of `streamlit run`; Ctrl-C ends it without a word."""

import contextlib
import sys

import click
from streamlit.web import cli

if __name__ == "__main__":
    with contextlib.suppress(click.Abort):
        cli.main(["run", "dashboard.py", *sys.argv[1:]], standalone_mode=False)
