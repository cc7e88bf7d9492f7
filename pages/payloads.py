"""The archive: what the sources sent, byte for byte, to be saved to a file; never shown by the browser."""

import streamlit as st

from pages import chosen, feed_names, filters, names, shell, words
from pages.view import View
from pages.words import _, n_
from queries import archive
from queries.moment import here

_LATEST = 200


def _feeds() -> dict[str, str]:
    """'<source>.<feed>' of all that is fetched from a commission."""
    return {f"{s.id}.{f.id}": feed_names.feed(s.id, f.id) for s in here()[1].sources for f in s.feeds}


def choose_filters() -> None:
    shell.heading(
        _("Archive: what was received, byte for byte"),
        _("Kept before anybody read it. A chosen payload can be saved as it came."),
    )
    filters.choose("archive", feed=(_("All that was received"), _feeds()))


def listed(seen: View) -> None:
    source, _dot, feed = (filters.chosen("feed", _feeds()) or ".").partition(".")
    rows = seen.figure(archive.payloads, source=source or None, feed=feed or None, limit=_LATEST)
    if rows.empty:
        return shell.empty(_("Nothing is in the archive yet."))
    rows = rows.assign(
        what=[feed_names.feed(s, f) for s, f in zip(rows["source"], rows["feed"], strict=True)],
        state=rows["refused"].map({True: _("not made current"), False: ""}),
    )
    columns = {
        "payload": shell.Column(_("Payload"), words.number),
        "fetched_at": shell.Column(_("When"), lambda at: words.clock_time(at, seconds=True)),
        "source": shell.Column(_("Source"), names.source),
        "what": shell.Column(_("Figures"), width="medium"),
        "state": shell.Column(_("State")),
        "status": shell.Column(_("HTTP status"), lambda v: str(int(v))),
        "size": shell.Column(_("Bytes"), words.number),
        "sha256": shell.Column("SHA-256", str, "medium"),
    }
    last = n_("the last {n} payload", "the last {n} payloads", len(rows)).format(n=words.number(len(rows)))
    number = shell.table(rows, columns, "payloads", count=last, choose=True, height=320)
    opened = chosen.kept("payloads", number, [str(p) for p in rows["payload"]])
    if opened is None:
        return None
    row = rows.iloc[opened]
    moment, payload = seen.moment, int(row["payload"])
    st.download_button(
        _("Save payload {payload} as it came").format(payload=payload),
        data=lambda: archive.body(moment, payload),
        file_name=archive.file_name(row["source"], row["feed"], payload),
        mime="application/octet-stream",  # whatever the source called it: a browser saves it and never opens it
        key="payload_save",
        on_click="ignore",
        icon=":material/download:",
    )
    return None
