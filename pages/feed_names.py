"""What the commission's figures and feeds are called in the reader's language."""

from pages.words import _
from queries.moment import here


def figures(count: str, scope: str) -> str:
    """Which of the published figures: 'machine count, PEC by PEC'."""
    kinds = {
        "machine": _("machine count"),
        "manual": _("manual count"),
        "turnout": _("turnout"),
        "observed": _("observers' reports"),
    }
    scopes = {"pec": _("PEC by PEC"), "region": _("by region"), "country": _("table of the country")}
    return ", ".join(part for part in (kinds.get(count, count), scopes.get(scope, scope)) if part)


def feed(source: str, id: str) -> str:
    """What a source sends under this name."""
    found = next((f for s in here()[1].sources if s.id == source for f in s.feeds if f.id == id), None)
    if found is not None:
        return figures(found.count, found.scope)
    return _("rows that changed something") if id == "rows" else id
