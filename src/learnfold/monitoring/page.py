"""The table of metrics as a page, ``docs/metrics.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.telemetry.metrics import INGESTION, RUNS, SERVING, SPEED, metrics_of

if TYPE_CHECKING:
    from learnfold.telemetry.metrics import Metric

_HEAD = """# Metrics

<!-- Written by `learnfold monitoring --markdown`; change src/learnfold/telemetry/metrics.py, not this page. -->

Every number that learnfold exports. None has a label that names a person or a course. A time is in seconds since 1970, UTC: a rule
works out the age, so that it grows also while nothing runs.
"""

_ABOUT = {
    RUNS: """The last run of each job, in a file for node_exporter (`LEARNFOLD_METRICS_FILE=/var/lib/node_exporter/learnfold.prom`) or
pushed to a Pushgateway (`LEARNFOLD_PUSH_GATEWAY=http://…:9091`). A run that fails leaves the numbers of the last success in place.
All are gauges with the label `batch_job`, the job's name: `video`, `course` and so on.
""",
    INGESTION: """Of one process, at `http://127.0.0.1:PORT/metrics` (`learnfold ingest --metrics-port PORT`). Add up the processes for the whole.
To be scraped from another machine, it has to listen there: `LEARNFOLD_METRICS_ADDRESS=0.0.0.0`.
""",
    SERVING: """Of one process, likewise: `learnfold serve OUT --metrics-port PORT`, beside the port that is asked. A route is as
docs/serving.md names it, never an address.
""",
    SPEED: """Of one process, likewise: `learnfold speed OUT --metrics-port PORT`. One that `learnfold serve --kafka` starts exports none: to
watch it, start it by itself, and the server with `--state`.
""",
}


def page() -> str:
    """The page in Markdown: a table for each source."""
    parts = [_HEAD]
    for source, about in _ABOUT.items():
        parts.append(f"## {source[0].upper()}{source[1:]}\n\n{about}")
        parts.append("| metric | labels | unit | meaning |\n| --- | --- | --- | --- |")
        parts[-1] += "".join(f"\n| {_row(metric)} |" for metric in metrics_of(source)) + "\n"
    return "\n".join(parts)


def _row(metric: Metric) -> str:
    labels = ", ".join(label for label in metric.labels if label != "batch_job")
    kind = "" if metric.kind == "gauge" else f" ({metric.kind})"
    return " | ".join((f"`{metric.full_name}`{kind}", labels, metric.unit, metric.help))
