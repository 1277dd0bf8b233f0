"""What was left out and why: counts alone, since the events themselves are someone's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.dashboard.pages.health import operators_only, reasons
from learnfold.dashboard.table import Head, Table
from learnfold.dashboard.visit import Shown

if TYPE_CHECKING:
    from learnfold.dashboard.visit import Visit


def left_out(visit: Visit) -> Shown:
    """Events by topic and reason, files that can't be read, and the command that shows the events whole."""
    operators_only(visit)
    t = visit.words
    files = [
        (path, why)
        for job in visit.ask.base.manifest.jobs.values()
        for topic in job.topics.values()
        for path, why in topic.unreadable.items()
    ]
    unreadable = (
        Table([Head(t("file")), Head(t("why"))], [list(pair) for pair in sorted(files)], name=t("unreadable_files"))
        if files
        else None
    )
    values = {
        "reasons": reasons(visit),
        "unreadable": unreadable,
        "command": f"learnfold quarantine {visit.ask.base.tables.out.url}",
    }
    return Shown("left_out.html", t("left_out"), values, section="left_out")
