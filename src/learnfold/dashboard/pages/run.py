"""One run: what it changed, and how to put back what was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.batch.history import published
from learnfold.batch.manifest import read_manifest
from learnfold.dashboard.pages.health import operators_only
from learnfold.dashboard.pages.numbers import Number
from learnfold.dashboard.table import Head, Table
from learnfold.dashboard.visit import Shown, nothing
from learnfold.operate.status import batch_line

if TYPE_CHECKING:
    from learnfold.batch.manifest import Manifest
    from learnfold.dashboard.visit import Visit


def run(visit: Visit) -> Shown:
    """A published batch that is still there."""
    operators_only(visit)
    out, name = visit.history.out, visit.path["batch"]
    known = {line.batch for line in visit.history.lines(visit.batch)}
    if name not in known and name not in {manifest.batch for manifest in published(out)}:
        raise nothing("there is no such batch, or no more")
    manifest = read_manifest(out, name)
    if manifest is None:
        raise nothing("there is no such batch, or no more")
    parent = read_manifest(out, manifest.parent) if manifest.parent else None
    line, t = batch_line(manifest), visit.words
    numbers = [
        Number(t("seconds"), t.number(line.seconds, 1), unit="s"),
        Number(t("days_folded"), t.number(line.days_folded), note=t("days_reused_n", n=line.days_reused)),
        Number(t("views_refreshed"), t.number(line.views_asked), note=t("of_n", n=line.views)),
        Number(t("events"), t.number(line.events), note=t("duplicates_too", n=line.copies)),
    ]
    values = {
        "manifest": manifest,
        "numbers": numbers,
        "topics": _topics(visit, manifest, parent),
        "views": _views(visit, manifest, parent),
        "published": name == visit.batch,
        "see": visit.links.to("/", batch=name),
        "command": f"learnfold rollback {out.url} {name}",
    }
    return Shown("run.html", name, values, section="health")


def _topics(visit: Visit, manifest: Manifest, parent: Manifest | None) -> Table:
    t = visit.words
    before = {
        name: topic.events for job in (parent.jobs.values() if parent else ()) for name, topic in job.topics.items()
    }
    heads = [
        Head(t("topic")),
        Head(t("events"), number=True),
        Head(t("more_than_before"), number=True),
        Head(t("left_out"), number=True),
    ]
    rows = [
        [
            name,
            t.number(topic.events),
            t.number(topic.events - before.get(name, 0)),
            t.number(sum(topic.quarantined.values())),
        ]
        for job in manifest.jobs.values()
        for name, topic in job.topics.items()
    ]
    return Table(heads, rows, name=t("topics"))


def _views(visit: Visit, manifest: Manifest, parent: Manifest | None) -> Table:
    """The views that this batch made again."""
    t = visit.words
    before = parent.views if parent else {}
    heads = [
        Head(t("view")),
        Head(t("rows"), number=True),
        Head(t("more_than_before"), number=True),
        Head(t("seconds"), number=True),
        Head(t("changed")),
    ]
    rows = []
    for name, view in manifest.views.items():
        if view.batch != manifest.batch:
            continue
        old = before.get(name)
        changed = "new" if old is None else "no" if old.digest == view.digest else "yes"
        rows.append(
            [
                name,
                t.number(view.rows),
                t.number(view.rows - (old.rows if old else 0)),
                t.number(view.seconds, 2),
                t(changed),
            ]
        )
    return Table(heads, rows, name=t("views"))
