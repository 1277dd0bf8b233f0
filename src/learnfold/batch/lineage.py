"""What the jobs of a run read and make, as lineage: each topic's events in, each view out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnfold.telemetry.lineage import COMPLETE, FAIL, START, Dataset, JobRun, event, send

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnfold.batch.manifest import JobRecord, Manifest
    from learnfold.batch.request import RunRequest
    from learnfold.catalog import Catalog, Column, Field, Job
    from learnfold.settings import Settings


class Lineage:
    """Sends the lineage of one run's jobs, if the settings ask for it; each method returns what went wrong with sending."""

    def __init__(self, request: RunRequest, ids: Mapping[str, str], catalog: Catalog, settings: Settings) -> None:
        """``ids``: a UUID for each job."""
        self._request, self._catalog, self._settings = request, catalog, settings
        self._ids = ids if settings.openlineage else {}

    def started(self) -> list[str]:
        """Before anything is read."""
        return self._send([event(START, self._of(job)) for job in self._ids])

    def completed(self, manifest: Manifest) -> list[str]:
        """With how much was read and made, as ``manifest`` says."""
        return self._send([event(COMPLETE, self._of(job, manifest.jobs[job])) for job in self._ids])

    def failed(self, error: BaseException) -> list[str]:
        """With the error."""
        return self._send([event(FAIL, self._of(job), error) for job in self._ids])

    def _send(self, documents: Sequence[dict[str, object]]) -> list[str]:
        return [problem for document in documents if (problem := send(document, self._settings))]

    def _of(self, name: str, record: JobRecord | None = None) -> JobRun:
        job = self._catalog.jobs[name]
        return JobRun(self._ids[name], f"learnfold.{name}", self._inputs(job, record), self._outputs(job, record))

    def _inputs(self, job: Job, record: JobRecord | None) -> list[Dataset]:
        found = []
        for topic in job.topics:
            numbers = {}
            if record is not None and (read := record.topics.get(topic.name)):
                size = sum(file.size for file in read.files.values())
                numbers = {"rowCount": read.events, "size": size, "fileCount": len(read.files)}
            url = f"{self._request.input.rstrip('/')}/topic={topic.name}"
            found.append(Dataset(url, _columns(topic.fields), numbers))
        return found

    def _outputs(self, job: Job, record: JobRecord | None) -> list[Dataset]:
        found = []
        for view in job.views:
            numbers = {}
            if record is not None and (made := record.views.get(view.name)):
                numbers = {"rowCount": made.rows, "size": made.bytes, "fileCount": len(made.paths)}
            url = f"{self._request.output.rstrip('/')}/{view.name}"
            found.append(Dataset(url, _columns(view.columns), numbers))
        return found


def _columns(columns: Sequence[Field] | Sequence[Column]) -> tuple[tuple[str, str, str], ...]:
    return tuple((column.name, column.type, column.comment) for column in columns)
