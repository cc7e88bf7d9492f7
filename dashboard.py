"""The entry: `streamlit run dashboard.py`. The server imports it once; each visitor's session runs `main`."""

import contextlib
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator
from typing import Literal

import sqlalchemy as sa
import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from streamlit.logger import get_logger

from elections.config import ConfigError
from loaders import schedule
from loaders.source import plain
from pages import (
    address,
    charts_map,
    comparison,
    controls,
    coverage,
    deciding,
    door,
    equipment,
    feed,
    health,
    healthz,
    incidents,
    overview,
    panel,
    pec,
    procedures,
    pulse,
    results,
    shell,
    strip,
    turnout,
    wall,
)
from pages.present import present
from pages.words import _
from queries import judging, snapshot
from queries.moment import here
from server import fonts, start_page
from store.owner import Foreign

log = logging.getLogger("baikoo")


def navigation(position: Literal["sidebar", "hidden"] = "sidebar") -> st.Page:
    """Every page there is. A page is a function: the files in `pages/` draw nothing by themselves."""
    pages = [
        st.Page(overview.page, title=_("Overview"), url_path="overview", default=True, icon=":material/dashboard:"),
        st.Page(coverage.page, title=_("Coverage"), url_path="coverage", icon=":material/fact_check:"),
        st.Page(incidents.page, title=_("Incidents"), url_path="incidents", icon=":material/report:"),
        st.Page(equipment.page, title=_("Equipment"), url_path="equipment", icon=":material/print:"),
        st.Page(procedures.page, title=_("Procedures"), url_path="procedures", icon=":material/checklist:"),
        st.Page(turnout.page, title=_("Turnout"), url_path="turnout", icon=":material/how_to_vote:"),
        st.Page(results.page, title=_("Results"), url_path="results", icon=":material/bar_chart:"),
        st.Page(comparison.page, title=_("Comparison"), url_path="comparison", icon=":material/compare_arrows:"),
        st.Page(feed.page, title=_("Feed"), url_path="feed", icon=":material/rule:"),
        st.Page(health.page, title=_("Data health"), url_path="health", icon=":material/monitor_heart:"),
        st.Page(pec.page, title=_("PEC panel"), url_path="pec", visibility="hidden"),
    ]
    return st.navigation(pages, position=position)


def main() -> None:
    """One run of a visitor's session: what the address says, then the page that was asked for, or a PEC over it."""
    if not door.is_open():  # run past the server below: `python dashboard.py`, another server
        st.error(_("The pages are served by the dashboard only: streamlit run dashboard.py"))
        return
    # before the navigation: a page's own icon would be fetched from elsewhere as the tab's
    st.set_page_config(page_icon=strip.ICON, layout="wide")
    on_wall = wall.asked_for()
    page = navigation("hidden" if on_wall else "sidebar")
    st.set_page_config(page_title=f"{page.title} · Baikoo")
    address.take_up(page.url_path)
    panel.follow(page.url_path)
    strip.style()
    pulse.begin()
    if on_wall:
        return wall.page()
    strip.choose_language()
    strip.strip()
    with deciding.told():
        if panel.is_open() and page.url_path != "pec":
            panel.close_button(page.title)
            pec.page()
        else:
            page.run()
    controls.sidebar()


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """What runs beside the pages, from the server's start to its end: the schedule and the snapshots."""
    if address := door.elsewhere():
        log.error(door.REFUSAL.format(address=address))
        yield None
        return
    try:
        start_page.start_page()
        engine, election = here()
    except (start_page.UnknownPage, ConfigError, Foreign, sa.exc.SQLAlchemyError) as error:
        log.error("Baikoo cannot start: %s", plain(error))
        signal.raise_signal(signal.SIGTERM)
        yield None
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(snapshot.keep_fresh())
        if os.environ.get("BAIKOO_SCHEDULE") != "off":
            stack.callback(schedule.start(engine, election).shutdown)
        stack.enter_context(judging.keep_judged(engine, election))  # whoever polls
        # a full collection after each run costs 100 ms of processor where the imported heap is in it
        gc.collect()
        gc.freeze()
        door.answer_at_once()
        door.open_up()
        async with pulse.beating():
            print(f"The dashboard: http://127.0.0.1:{st.get_option('server.port')}  Ctrl-C ends it.", flush=True)
            yield None


async def overview_is_the_first(request: Request) -> Response:
    """The Overview is the page without a name: whoever types its name gets there too, with what the address chose."""
    return RedirectResponse("./" + (f"?{request.url.query}" if request.url.query else ""))


def failed(error: Exception) -> bool:
    """A page that fails says so in the reader's language; the log has the rest. An outage of the store is said once."""
    if not (isinstance(error, sa.exc.SQLAlchemyError) and present.unreadable()):
        log.error("a page failed", exc_info=error)
    shell.broken()
    return True


if __name__ == "__main__":  # a session's run
    main()
else:  # imported by the server
    # declared before the first request: until then Streamlit lets an address pick a file in pages/ by itself
    get_logger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel("ERROR")  # there is no session here
    navigation()
    app = st.App(
        __file__,
        lifespan=lifespan,
        routes=[
            charts_map.route(),
            *pulse.routes(),
            fonts.route(),
            healthz.route(),
            start_page.route(),
            Route("/overview", overview_is_the_first),
        ],
        middleware=[Middleware(door.Door), Middleware(start_page.Start)],
        on_script_error=failed,
    )
