"""OpenLineage: what a job read and made, for a catalogue such as Marquez or DataHub; two JSON documents a job and run.

Off unless the setting ``openlineage`` names an address or a file. Documents follow version 2-0-2 of the published schema.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from learnfold import __version__
from learnfold.addresses import without_secrets
from learnfold.errors import LearnfoldError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.settings import Settings

START, COMPLETE, FAIL = "START", "COMPLETE", "FAIL"

PRODUCER = f"urn:learnfold:{__version__}"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = {
    "schema": "1-2-0/SchemaDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "inputStatistics": "1-0-0/InputStatisticsInputDatasetFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "jobType": "2-0-3/JobTypeJobFacet",
}


@dataclass(frozen=True)
class Dataset:
    """A topic's events, or a view: where it lies, its columns (name, type, meaning), and how much of it there is."""

    url: str  # a folder, or s3://bucket/path
    columns: tuple[tuple[str, str, str], ...]
    statistics: Mapping[str, int] = field(default_factory=dict)  # rowCount, size, fileCount; empty: not known yet

    @property
    def named(self) -> dict[str, str]:
        """Its namespace and name, as OpenLineage names places."""
        parts = urlsplit(without_secrets(self.url))
        if parts.scheme in {"s3", "s3a"}:
            return {"namespace": f"s3://{parts.netloc}", "name": parts.path.lstrip("/")}
        return {"namespace": "file", "name": str(Path(self.url).absolute())}


@dataclass(frozen=True)
class JobRun:
    """One job of one run."""

    run_id: str  # a UUID
    job: str
    inputs: Sequence[Dataset]
    outputs: Sequence[Dataset]


def event(kind: str, of: JobRun, error: BaseException | None = None) -> dict[str, Any]:
    """The document: that the job began (START), is done (COMPLETE) or failed (FAIL)."""
    engine = _facet("processing_engine", version=__version__, name="learnfold")
    facets = {"processing_engine": engine}
    if error is not None:
        first = (str(error).splitlines() or [""])[0]  # the others may show events of people
        facets["errorMessage"] = _facet("errorMessage", message=without_secrets(first), programmingLanguage="PYTHON")
    job_type = _facet("jobType", processingType="BATCH", integration="LEARNFOLD", jobType="JOB")
    return {
        "eventType": kind,
        "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": {"runId": of.run_id, "facets": facets},
        "job": {"namespace": "learnfold", "name": of.job, "facets": {"jobType": job_type}},
        "inputs": [_dataset(each, "input") for each in of.inputs],
        "outputs": [_dataset(each, "output") for each in of.outputs],
    }


def send(document: Mapping[str, Any], settings: Settings) -> str:
    """Sends it to the address, or adds it as a line to the file, that the settings name; what went wrong, empty: nothing."""
    place = settings.openlineage
    try:
        if urlsplit(place).scheme in {"http", "https"}:
            from learnfold.telemetry.webhook import post_json

            key = settings.openlineage_key
            post_json(place, document, {"Authorization": f"Bearer {key}"} if key else {})
        else:
            _append(Path(place), json.dumps(document, ensure_ascii=False) + "\n")
    except (LearnfoldError, OSError) as error:
        return f"the lineage of {document['job']['name']} can't be sent: {error}"
    return ""


def _append(file: Path, line: str) -> None:
    """In one write, so that lines of runs side by side don't mix."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _dataset(dataset: Dataset, side: str) -> dict[str, Any]:
    fields = [{"name": name, "type": kind, "description": about} for name, kind, about in dataset.columns]
    found: dict[str, Any] = {**dataset.named, "facets": {"schema": _facet("schema", fields=fields)}}
    if dataset.statistics:
        name = f"{side}Statistics"
        found[f"{side}Facets"] = {name: _facet(name, **dataset.statistics)}
    return found


def _facet(facet: str, /, **members: Any) -> dict[str, Any]:
    base, _, kind = _FACETS[facet].partition("/")
    return {"_producer": PRODUCER, "_schemaURL": f"https://openlineage.io/spec/facets/{base}/{kind}.json", **members}
