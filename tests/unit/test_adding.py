"""A view, a field and a subject, added as docs/adding.md says, are known everywhere: nothing else has to be told of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import adding
import pyarrow.parquet as pq
import pytest

from learnfold import catalog
from learnfold.batch.context import Workspace
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.catalog import Catalog
from learnfold.catalog.document import document
from learnfold.catalog.jobs import COMMON, scripts
from learnfold.catalog.schema import json_schema
from learnfold.cli import main
from learnfold.errors import DefinitionError
from learnfold.generate import Semester, generate
from learnfold.oozie import oozie_files
from learnfold.privacy.erase import erase
from learnfold.schedule.frequency import frequency
from learnfold.settings import Settings
from learnfold.storage.folder import FolderStorage
from promises.dataset import Dataset

pytestmark = pytest.mark.slow

VIEW, FIELD, SUBJECT = "video_weekdays", "subtitles", "library"
TOPIC, LOANS = "library_topic", "library_popularity"


@pytest.fixture(scope="module")
def grown() -> Catalog:
    """The shipped subjects after the page's edits."""
    texts = scripts()
    for edit in adding.edits():
        name = Path(edit.file).stem
        if edit.file.startswith("src/learnfold/subjects/"):
            texts[name] = edit.applied(texts.get(name, ""))
    return catalog.read(texts)


@pytest.fixture
def everywhere(grown: Catalog, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """The same, for whoever loads the shipped ones."""
    monkeypatch.setattr(catalog, "load", lambda: grown)
    return grown


def rows(out: Path, view: str) -> list[dict[str, object]]:
    """The view at its plain path."""
    return pq.read_table(out / view / "part-00000.parquet").to_pylist()


def test_they_are_documented_and_scheduled(everywhere: Catalog) -> None:
    """On the page of the views, in the JSON Schemas and in Oozie's workflow."""
    page = document(everywhere)
    assert f"\n### {VIEW}\n" in page
    assert f"\n## {SUBJECT}\n\nWhat is borrowed from the library.\n" in page
    assert f"| `{FIELD}` | VARCHAR | the language of the subtitles shown; NULL without any (names no person) |" in page
    assert FIELD in json_schema(everywhere.topic("video_topic"))["properties"]
    assert json_schema(everywhere.topic(TOPIC))["properties"]["days"]["exclusiveMinimum"] == 0
    assert f"jobs/{SUBJECT}_batch_job.py" in oozie_files(everywhere, Settings(), frequency("daily"))["workflow.xml"]
    assert list(everywhere.jobs)[-1] == SUBJECT, "without a number it comes last"


@pytest.mark.parametrize("how", [{}, {"awkward": True, "malformed": 0.1, "duplicates": 0.2, "late": 0.1}])
def test_they_are_made_up_and_computed(everywhere: Catalog, tmp_path: Path, how: dict[str, float]) -> None:
    """The generator fills the new topic and the new field; of valid events none is refused, of malformed ones each is."""
    made = generate(Semester(events=3_000, days=4, **how), tmp_path / "master")  # type: ignore[arg-type]
    assert made.by_topic[TOPIC] > 20
    report = run(RunRequest(str(tmp_path / "master"), str(tmp_path / "out")), everywhere, Settings())
    topics = {name: topic for job in report.manifest.jobs.values() for name, topic in job.topics.items()}
    assert {name: topic.events for name, topic in topics.items()} == made.by_topic
    assert bool(sum(topics[TOPIC].quarantined.values())) == ("malformed" in how)
    assert sum(row["total_loans"] for row in rows(tmp_path / "out", LOANS)) == made.by_topic[TOPIC]
    assert {row["weekday"] for row in rows(tmp_path / "out", VIEW)} == {1, 2, 3, 4}
    if not how:
        files = (tmp_path / "master" / "topic=video_topic").rglob("*.parquet")
        values = {value for file in files for value in pq.read_table(file, columns=[FIELD])[FIELD].to_pylist()}
        assert None in values and len(values) > 2


def test_a_field_is_read_from_what_came_before_it_and_folds_nothing_else(grown: Catalog, tmp_path: Path) -> None:
    """Its earlier values were kept in ``extra_fields``. Only the rollup that reads it is folded, of all events."""
    viewing = {"user_id": "u1", "event_type": "VIDEO_WATCHED", "timestamp": "2025-12-01 10:00:00", FIELD: "vi"}
    source = tmp_path / "events.jsonl"
    source.write_text("\n".join(json.dumps(viewing | {"event_id": str(number)}) for number in range(3)), "utf-8")
    assert main(["ingest", str(source), "--into", str(tmp_path / "master"), "--topic", "video_topic"]) == 0
    request = RunRequest(str(tmp_path / "master"), str(tmp_path / "out"), ("video",))
    run(request, catalog.load(), Settings())
    again = run(request, grown, Settings()).manifest.jobs["video"]
    assert (again.folded_days, again.views[VIEW].rows) == (0, 1), "a field that nothing reads folds nothing"
    texts = scripts()
    texts["video"] = "".join(
        [
            next(edit for edit in adding.edits() if FIELD in edit.text).applied(texts["video"]),
            "\n-- Languages.\nCREATE TABLE languages AS SELECT date, subtitles, count(*) AS times -- how often\n"
            "FROM video_topic GROUP BY ALL;\n\n-- Languages.\nCREATE VIEW by_language AS SELECT subtitles, sum(times) AS times -- how often\n"
            "FROM languages GROUP BY ALL;\n",
        ]
    )
    read = run(request, catalog.read(texts), Settings())
    assert rows(tmp_path / "out", "by_language") == [{FIELD: "vi", "times": 3}]
    now = read.manifest.jobs["video"]
    assert {name for name, view in now.views.items() if view.batch == read.batch} == {"by_language"}


def test_they_are_erased_from(everywhere: Catalog, tmp_path: Path) -> None:
    """A field that says nothing of persons is searched, one that names none isn't, and a person's loans are gone."""
    dataset = Dataset(tmp_path / "master")
    common = {"timestamp": "2025-12-01 10:00:00", "event_type": "BOOK_BORROWED"}
    loans = [
        {"event_id": "1", "user_id": "SV077x", "book_id": "b1", "days": 3},
        {"event_id": "2", "user_id": "SV078x", "book_id": "SV077x", "days": 4, "note": "after SV077x"},
    ]
    dataset.add(TOPIC, [common | loan for loan in loans], shape="flat", folder="{topic}/year=2025/month=12/day=01")
    viewing = {"event_id": "1", "user_id": "SV078x", FIELD: "SV077x", "event_type": "VIDEO_WATCHED"}
    file = dataset.add("video_topic", [common | viewing], shape="flat", folder="{topic}")
    run(RunRequest(str(dataset.root), str(tmp_path / "out")), everywhere, Settings())
    workspace = Workspace(FolderStorage(str(tmp_path / "out")), everywhere, Settings())
    done = erase(workspace, "SV077x", str(dataset.root), dry_run=False)
    assert done.rows_by_topic == {TOPIC: 1}
    assert done.mentions == {"note": 1}
    assert [row["total_days"] for row in rows(tmp_path / "out", LOANS)] == [4]
    (left,) = pq.read_table(next((dataset.root / f"topic={TOPIC}").rglob("*.parquet"))).to_pylist()
    assert (left["note"], left["book_id"]) == ("after [erased]", "SV077x")
    assert pq.read_table(file)[FIELD].to_pylist() == ["SV077x"]


def test_a_script_is_a_subject_or_refused_by_name(tmp_path: Path) -> None:
    """Never passed over: what ends in .sql is a subject, or the message says what is wrong with its name."""
    shutil.copytree(adding.ROOT / "src" / "learnfold" / "subjects", tmp_path / "subjects")
    (tmp_path / "subjects" / "library.sql").write_text("-- Books.\n-- order: 2\n", "utf-8")
    (tmp_path / "subjects" / "notes.txt").write_text("no script", "utf-8")
    assert list(scripts(tmp_path / "subjects"))[:4] == [COMMON, "auth", "assessment", "library"]
    for name in ("Forum.sql", "my-forum.sql", "forum.SQL", "2.sql"):
        (tmp_path / "subjects" / name).write_text("-- Forum.", "utf-8")
        with pytest.raises(DefinitionError, match=rf"subjects/{name} can't be a subject"):
            scripts(tmp_path / "subjects")
        (tmp_path / "subjects" / name).unlink()
    (tmp_path / "subjects" / "event.sql").unlink()
    with pytest.raises(DefinitionError, match=r"subjects/event\.sql isn't there"):
        scripts(tmp_path / "subjects")


class Clone:
    """A copy of this clone, in which commands work as in an installed one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("src", "batch_layer", "deploy", "docs", "tools", "tests", "locks"):
            shutil.copytree(adding.ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        for name in ("Makefile", "pyproject.toml", "README.md", "ARCHITECTURE.md"):
            shutil.copyfile(adding.ROOT / name, root / name)
        (root / ".venv").mkdir()
        (root / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
        for made in (".core", ".dev"):  # what `make` asks for first is there
            (root / ".venv" / made).touch()

    def say(self, command: str) -> str:
        """What the command prints; it must succeed."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        path = f"{self.root / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        packages = [place for place in sys.path if place.endswith("-packages")]
        found = os.pathsep.join([str(self.root / "src"), *packages])
        environment = own | {"PYTHONPATH": found, "PATH": path, "LEARNFOLD_TRIES": "0.1"}
        done = subprocess.run(
            ["bash", "-ec", command], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-5000:]}\n{done.stderr[-3000:]}"
        return done.stdout


LAWS = (
    "tests/unit/test_catalog.py tests/unit/test_catalog_kept.py tests/unit/test_catalog_pushdown.py",
    "tests/unit/test_derived_files.py tests/unit/test_oozie_files.py tests/unit/test_generate.py tests/unit/test_metrics.py",
    "tests/promises/test_examples.py tests/promises/test_law_of_folding.py tests/promises/test_erasure.py",
    "tests/promises/test_histories.py::test_any_history_ends_in_the_views_of_one_full_run",
    "tests/seed/test_commands.py -k 'not clone'",
)
"""Of ``make check`` what is told of the subjects; all of it would follow the page again, and never end."""


@pytest.mark.slow
def test_following_the_page_to_the_letter_works(tmp_path: Path) -> None:
    """The edits in a clone, ``make docs``, the laws over every view and topic, and the commands at the page's end."""
    clone = Clone(tmp_path / "clone")
    adding.follow(clone.root)
    first, last = adding.commands()
    assert first == "make docs\nmake check\n"
    clone.say("make docs")
    assert (clone.root / "batch_layer" / "jobs" / f"{SUBJECT}_batch_job.py").is_file()
    assert f'"{SUBJECT}"' in (clone.root / "deploy" / "airflow" / "learnfold_batch.py").read_text("utf-8")
    for laws in LAWS:
        said = clone.say(f"python -m pytest -q -p no:cacheprovider -m 'not services and not slow' {laws}")
        assert " passed" in said
    assert "b" in clone.say(last)
    clone.say(f"python batch_layer/jobs/{SUBJECT}_batch_job.py demo/master demo/alone")
    assert sorted(path.name for path in (clone.root / "demo" / "alone").iterdir() if path.name[0] != "_") == [LOANS]
