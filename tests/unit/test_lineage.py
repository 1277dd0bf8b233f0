"""What a run tells OpenLineage, read back by OpenLineage's own client: every document, every facet."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import event_v2
from openlineage.client.serde import Serde
from seen import watched, write

from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import RunReport, run
from learnfold.errors import LearnfoldError
from learnfold.settings import Settings
from learnfold.telemetry.lineage import Dataset
from learnfold.telemetry.reporter import Reporter

CLASSES = {
    "SchemaDatasetFacet": ("schema_dataset", {"fields": "SchemaDatasetFacetFields"}),
    "OutputStatisticsOutputDatasetFacet": ("output_statistics_output_dataset", {}),
    "InputStatisticsInputDatasetFacet": ("input_statistics_input_dataset", {}),
    "ErrorMessageRunFacet": ("error_message_run", {}),
    "ProcessingEngineRunFacet": ("processing_engine_run", {}),
    "JobTypeJobFacet": ("job_type_job", {}),
}


def as_the_client_reads_it(document: dict[str, Any]) -> dict[str, Any]:
    """The document, made again of the client's classes, which refuse a member that they don't know or a value that can't be."""
    made = event_v2.RunEvent(
        eventType=event_v2.RunState(document["eventType"]),
        eventTime=document["eventTime"],
        producer=document["producer"],
        run=event_v2.Run(document["run"]["runId"], facets(document["run"]["facets"])),
        job=event_v2.Job(document["job"]["namespace"], document["job"]["name"], facets(document["job"]["facets"])),
        inputs=[dataset(event_v2.InputDataset, "inputFacets", one) for one in document["inputs"]],
        outputs=[dataset(event_v2.OutputDataset, "outputFacets", one) for one in document["outputs"]],
    )
    found: dict[str, Any] = json.loads(Serde.to_json(made))
    return found


def dataset(kind: Any, more: str, one: dict[str, Any]) -> Any:
    """An input or output."""
    return kind(one["namespace"], one["name"], facets=facets(one["facets"]), **{more: facets(one.get(more, {}))})


def facets(found: dict[str, Any]) -> dict[str, Any]:
    """Facets by name, each by the class that its schema names."""
    made = {}
    for name, facet in found.items():
        kind = facet["_schemaURL"].rpartition("/")[2].removesuffix(".json")
        module, lists = CLASSES[kind]
        members = {key: value for key, value in facet.items() if not key.startswith("_")}
        room = importlib.import_module(f"openlineage.client.generated.{module}")
        for key, item in lists.items():
            members[key] = [getattr(room, item)(**one) for one in members[key]]
        made[name] = getattr(room, kind)(**members, producer=facet["_producer"])
    return made


def plain(value: Any) -> Any:
    """Without what only says where a schema lies, and without what is empty."""
    if isinstance(value, dict):
        shown = {key: plain(item) for key, item in value.items() if key not in {"_schemaURL", "schemaURL"}}
        return {key: item for key, item in shown.items() if item not in ({}, [], None)}
    return [plain(item) for item in value] if isinstance(value, list) else value


def documents(file: Path) -> list[dict[str, Any]]:
    """The lines of a file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def run_video(folder: Path, file: Path | str) -> RunReport:
    """A run of one job that tells OpenLineage."""
    request = RunRequest(str(folder / "master"), str(folder / "out"), ("video",))
    return run(request, catalog.load(), Settings(openlineage=str(file)))


def test_a_run_begins_and_is_complete(tmp_path: Path) -> None:
    """Two documents of one run; the second says how many events were read, and the rows and bytes of each view."""
    write(tmp_path / "master", "video_topic", watched(5))
    report = run_video(tmp_path, tmp_path / "lineage.jsonl")
    first, second = documents(tmp_path / "lineage.jsonl")
    assert (first["eventType"], second["eventType"]) == ("START", "COMPLETE")
    assert first["run"]["runId"] == second["run"]["runId"]
    assert first["eventTime"] <= second["eventTime"]
    for document in (first, second):
        assert plain(as_the_client_reads_it(document)) == plain(document)
    job = catalog.load().jobs["video"]
    (topic,) = second["inputs"]
    assert topic["name"] == str(tmp_path / "master" / "topic=video_topic")
    assert topic["inputFacets"]["inputStatistics"]["rowCount"] == 5
    made = {output["name"].rpartition("/")[2]: output for output in second["outputs"]}
    assert set(made) == {view.name for view in job.views}
    for view in job.views:
        record = report.manifest.views[view.name]
        numbers = made[view.name]["outputFacets"]["outputStatistics"]
        assert (numbers["rowCount"], numbers["size"]) == (record.rows, record.bytes)
        fields = made[view.name]["facets"]["schema"]["fields"]
        assert [(one["name"], one["type"]) for one in fields] == [(c.name, c.type) for c in view.columns]
        assert all(one["description"] for one in fields)


def test_a_run_that_fails_says_so(tmp_path: Path) -> None:
    """START, then FAIL with the first line of the error, which shows no event."""
    write(tmp_path / "master", "video_topic", watched(5)).write_bytes(b"PAR1 broken")
    with pytest.raises(LearnfoldError) as raised:
        run_video(tmp_path, tmp_path / "lineage.jsonl")
    first, second = documents(tmp_path / "lineage.jsonl")
    assert (first["eventType"], second["eventType"]) == ("START", "FAIL")
    assert second["run"]["facets"]["errorMessage"]["message"] == str(raised.value).splitlines()[0]
    assert plain(as_the_client_reads_it(second)) == plain(second)


def test_without_the_setting_nothing_is_told(tmp_path: Path) -> None:
    """Which is the default."""
    write(tmp_path / "master", "video_topic", watched(5))
    before = sorted(tmp_path.iterdir())
    run(RunRequest(str(tmp_path / "master"), str(tmp_path / "out"), ("video",)), catalog.load(), Settings())
    assert sorted({*tmp_path.iterdir()} - {*before}) == [tmp_path / "out"]


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str | None, dict[str, Any]]]]]:
    """An address, and what it was told: the key and the document."""
    got: list[tuple[str | None, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got.append((self.headers["Authorization"], content))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}/api/v1/lineage", got
    http.shutdown()
    http.server_close()


def test_documents_go_over_http_with_a_key(
    tmp_path: Path, server: tuple[str, list[tuple[str | None, dict[str, Any]]]]
) -> None:
    """As Marquez and DataHub take them."""
    url, got = server
    write(tmp_path / "master", "video_topic", watched(5))
    request = RunRequest(str(tmp_path / "master"), str(tmp_path / "out"), ("video",))
    run(request, catalog.load(), Settings(openlineage=url, openlineage_key="k"))
    assert [(key, document["eventType"]) for key, document in got] == [("Bearer k", "START"), ("Bearer k", "COMPLETE")]


def test_a_catalogue_that_is_away_fails_no_run(tmp_path: Path) -> None:
    """A problem is reported for each document."""
    said: list[str] = []

    class Said(Reporter):
        def problem(self, message: str) -> None:
            said.append(message)

    write(tmp_path / "master", "video_topic", watched(5))
    request = RunRequest(str(tmp_path / "master"), str(tmp_path / "out"), ("video",))
    run(request, catalog.load(), Settings(openlineage="http://127.0.0.1:1/"), Said())
    assert len(said) == 2
    assert all("the lineage of learnfold.video can't be sent" in one for one in said)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/a/b", {"namespace": "s3://bucket", "name": "a/b"}),
        ("s3a://bucket/a", {"namespace": "s3://bucket", "name": "a"}),
        ("/data/views", {"namespace": "file", "name": "/data/views"}),
    ],
)
def test_places_are_named_as_others_name_them(url: str, expected: dict[str, str]) -> None:
    """So that what one tool made and another reads is one dataset; s3a is s3."""
    assert Dataset(url, ()).named == expected
