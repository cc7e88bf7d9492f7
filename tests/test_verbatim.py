"""Words of people in a caption, a tab, a choice: drawn letter for letter by a real browser, whatever they look like."""

import json
import os
import string
from pathlib import Path

from tests.browser import Seen, chromium
from tests.dashboard import ended, listens_on
from tests.forked import Forked
from tests.waiting import eventually

SAID = (
    "**loud** _soft_ ~~gone~~ `code` [link](http://evil.example) ![picture](http://evil.example/x.png)",
    "# title", "> said", "- item", "1. first", "1) first", "+ item", "| a | b |", "---", "***", "    code", "\tcode",
    ":red[red] :smile: :material/home: :small[x] :red-background[x] :+1: :100:", "$x^2$ $$y$$",
    "<b>bold</b> <img src=x onerror=alert(1)> &lt; &amp; &#60;", "http://evil.example www.evil.example a@evil.example",
    "two\nlines", "back\\slash \\* \\\\", "14:05: 11.7% (1,234 of 1,298)", string.punctuation, "ө ү ң – “”",
)  # fmt: skip
APP = """
import json, sys
import streamlit as st
from pages import words
for n, said in enumerate(json.loads({said!r})):
    with st.container(key=f"caption{{n}}"):
        st.caption(words.verbatim(said))
    with st.container(key=f"tab{{n}}"):
        st.tabs([words.verbatim(said)])
    with st.container(key=f"choice{{n}}"):
        st.radio("choice", [said], format_func=words.verbatim, key=f"r{{n}}", label_visibility="collapsed")
"""


def test_words_of_people_are_drawn_letter_for_letter(tmp_path: Path) -> None:
    app, log = tmp_path / "app.py", tmp_path / "log"
    app.write_text(APP.format(said=json.dumps(SAID)), "utf-8")
    command = ["-m", "streamlit", "run", str(app), "--server.port", "0", "--server.headless", "true"]
    process = Forked(command, os.environ, log)
    with ended(process), chromium() as browser:
        port = eventually(lambda: listens_on(process, log), "a server that listens")
        seen = Seen(browser)
        seen.page.goto(f"http://127.0.0.1:{port}")
        seen.page.wait_for_selector(f".st-key-choice{len(SAID) - 1} [role=radiogroup] p")
        for n, said in enumerate(SAID):
            for place in ("caption", "tab", "choice"):
                box = seen.page.locator(f".st-key-{place}{n}" + (" [role=radiogroup]" if place == "choice" else ""))
                drawn = box.locator("p").first.inner_text()
                assert drawn.replace("\u2060", "") == " ".join(said.split()), (place, said)
                assert box.locator("p :is(a, img, em, strong, code, del, span, b)").count() == 0, (place, said)
        seen.close()
