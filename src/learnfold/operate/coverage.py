"""Which views and columns the events of a master dataset fill: counts what they hold, and asks the catalogue what that gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.catalog.coverage import Coverage, Told, coverage_of
from learnfold.catalog.presence import EVENTS, counted, counting, view_of
from learnfold.engines.duckdb.session import DuckDBSession
from learnfold.engines.duckdb.sql import quoted
from learnfold.storage.scratch import scratch

if TYPE_CHECKING:
    from learnfold.catalog import Catalog
    from learnfold.settings import Settings
    from learnfold.telemetry.reporter import Reporter


def coverage(master: str, catalog: Catalog, settings: Settings, reporter: Reporter | None = None) -> list[Coverage]:
    """How much of each view the events of ``master`` fill, in the catalogue's order; raises MissingDataError where there are none.

    Nothing is written below ``master``; the counts are made beside it, by a run that is told to nobody.
    """
    quiet = replace(settings, metrics_file="", alert_url="", alert_mail="", openlineage="")
    place = scratch(settings.temporary_folder)
    try:
        out = f"{place.path}/out"
        run(RunRequest(master, out), counting(catalog), quiet, reporter)
        told = _told(out, catalog, settings)
    finally:
        place.cleanup()
    return [coverage_of(view, told) for view in catalog.views.values()]


def _told(out: str, catalog: Catalog, settings: Settings) -> dict[str, dict[str, Told]]:
    """By topic and type what events there are."""
    found: dict[str, dict[str, Told]] = {}
    with DuckDBSession(settings) as session, session.cursor() as cursor:
        for name, topic in catalog.topics.items():
            fields = counted(topic)
            columns = ", ".join(["event_type", EVENTS, *(f"has_{one}" for one in fields)])
            rows = cursor.execute(f"SELECT {columns} FROM read_parquet({quoted(f'{out}/{view_of(topic)}/*.parquet')})")
            found[name] = {
                kind: Told(events, dict(zip(fields, held, strict=True))) for kind, events, *held in rows.fetchall()
            }
    return found
