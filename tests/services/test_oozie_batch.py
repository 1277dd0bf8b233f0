"""The batch layer under a real Oozie: deployed by its script, submitted by the seed's command, run by Spark on MinIO."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from learnfold import catalog
from learnfold.batch.manifest import read_current
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.cli import main
from learnfold.settings import Settings
from services.oozie_batch import Application, actions, close, submit_words, unequal
from services.places import Place
from services.published import upload
from services.stack.minio import Minio
from services.stack.oozie import Oozie

pytestmark = [pytest.mark.oozie, pytest.mark.slow]

JOBS = [f"{job}_batch_job" for job in catalog.load().jobs]


@pytest.fixture(scope="module")
def semester(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small one."""
    folder = tmp_path_factory.mktemp("semester") / "master"
    assert main(["generate", str(folder), "--events", "800", "--days", "3", "--malformed", "0.02"]) == 0
    return folder


@pytest.fixture(scope="module")
def application(oozie: Oozie, minio: Minio, semester: Path) -> Application:
    """Deployed by the script, with the semester's first half in its bucket."""
    place = Place(f"s3://{minio.new_bucket()}", minio.aws_environment(), minio)
    upload(semester, place.below("master_dataset"), sorted(semester.rglob("*.parquet"))[::2])
    found = Application(oozie, place, "/user/me/the batch layer".replace(" ", "_"))
    done = found.deploy()
    assert done.returncode == 0, done.stderr
    return found


def expected(semester: Path, tmp_path: Path, files: list[Path]) -> Place:
    """The views of some of the semester's files, computed here by DuckDB."""
    local = Place(str(tmp_path / "expected"))
    upload(semester, local.below("master"), files)
    run(RunRequest(local.below("master").url, local.below("views").url), catalog.load(), Settings())
    return local.below("views")


def test_deploying_again_changes_nothing(application: Application) -> None:
    """All is there the second time, and --dry-run says what would be put; a file that was lost is put back."""
    again = application.deploy()
    assert again.returncode == 0, again.stderr
    assert "same" in again.stdout
    assert not re.search(r"\bput\b", again.stdout)
    application.oozie.hdfs.delete(f"{application.folder}/learnfold.zip")
    assert "would be put" in application.deploy("--dry-run").stdout
    assert "learnfold.zip" not in application.oozie.hdfs.list(application.folder)
    assert re.search(r"learnfold\.zip.* put\n", application.deploy().stdout)
    assert "learnfold.zip" in application.oozie.hdfs.list(application.folder)


def test_a_dry_run_accepts_both_files(application: Application, tmp_path: Path) -> None:
    """The server finds nothing wrong with the workflow, nor with the coordinator as the script says to submit it."""
    done = application.oozie.cli(*application.workflow_words(tmp_path / "job.properties"), "-dryrun")
    assert (done.returncode, done.stdout.strip()) == (0, "OK"), done.stderr
    words = submit_words(application.deploy("--dry-run").stdout)
    done = application.oozie.cli(*words[:-1], "-dryrun")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "coordinator-app" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [('<ok to="views_published"/>', '<ok to="nowhere"/>', "E0708"), ("${executorMemory}", "${executorMem}", "E0803")],
)
def test_a_dry_run_refuses_what_the_schemas_let_pass(
    application: Application, tmp_path: Path, old: str, new: str, code: str
) -> None:
    """A dangling transition and a property that nothing defines; learnfold's own check finds the same without a server."""
    from learnfold.oozie.check import problems

    broken = Application(application.oozie, application.place, "/user/me/broken")
    text = application.oozie.hdfs.read(f"{application.folder}/workflow.xml").decode()
    application.oozie.hdfs.put(f"{broken.folder}/workflow.xml", text.replace(old, new).encode())
    done = broken.oozie.cli(*broken.workflow_words(tmp_path / "job.properties"), "-dryrun")
    assert code in done.stdout + done.stderr
    folder = Path(__file__).parents[2] / "batch_layer" / "oozie"
    files = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert problems({**files, "workflow.xml": text.replace(old, new)})


@pytest.fixture(scope="module")
def first_night(application: Application) -> Iterator[str]:
    """The coordinator, submitted by the command that the script printed; its first run has ended."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    master = application.place.below("master_dataset").open()
    close(master, (today - timedelta(days=1)).date())
    said = application.deploy(f"-Dstart={today:%Y-%m-%dT%H:%MZ}", f"-Dend={today + timedelta(days=1):%Y-%m-%dT%H:%MZ}")
    job = application.run(submit_words(said.stdout))
    application.until(job, lambda found: bool(found) and found[0] in {"SUCCEEDED", "KILLED", "FAILED"}, 900)
    return job


def test_the_coordinator_runs_the_workflow_and_the_views_are_right(
    application: Application, first_night: str, semester: Path, tmp_path: Path
) -> None:
    """Yesterday is closed by a flag on MinIO, so the Spark actions run, all succeed, and the views are as they should be."""
    assert application.statuses(first_night) == ["SUCCEEDED"], application.oozie.hdfs.container_logs()[-6000:]
    found = application.oozie.info(application.oozie.info(first_night)["actions"][0]["externalId"])
    assert {name: actions(found)[name] for name in JOBS} == dict.fromkeys(JOBS, "OK")
    assert not [name for name in actions(found) if name.endswith("_alert") or name == "fail"]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert f"<name>day</name>\r\n<value>{yesterday}".replace("\r\n", "") in re.sub(r"\s*\n\s*", "", found["conf"])
    views = expected(semester, tmp_path, sorted(semester.rglob("*.parquet"))[::2])
    assert unequal(views.open(), application.place.below("batch_views").open()) == []


def test_a_failing_job_reaches_the_kill_node_and_a_rerun_of_it_alone_heals(
    application: Application, first_night: str, semester: Path, tmp_path: Path
) -> None:
    """A file of videos that is no Parquet: it is retried, killed, the old views stay; mended, the failed nodes run again."""
    assert application.statuses(first_night) == ["SUCCEEDED"]
    master, views = application.place.below("master_dataset"), application.place.below("batch_views").open()
    upload(semester, master, sorted(semester.rglob("*.parquet"))[1::2])
    master.open().write("topic=video_topic/broken.parquet", b"no Parquet at all")
    before, _ = read_current(views)
    assert before is not None
    application.put("workflow.xml", lambda text: text.replace('retry-max="2"', 'retry-max="1"'))
    words = application.workflow_words(tmp_path / "job.properties")
    job = application.run([*words, "-run"])
    found = application.oozie.wait(job, 900)
    assert found["status"] == "KILLED"
    assert actions(found)["video_batch_job"] == "ERROR"
    (video,) = [action for action in found["actions"] if action["name"] == "video_batch_job"]
    assert video["userRetryCount"] == 1
    (fail,) = [action for action in found["actions"] if action["name"] == "fail"]
    assert "video_batch_job failed" in fail["errorMessage"]
    assert "broken.parquet" in application.oozie.hdfs.container_logs()
    now, _ = read_current(views)
    assert now is not None
    assert now.jobs["video"].batch == before.jobs["video"].batch
    old = [path for path in before.files() if "/video_" in path]
    assert {entry.path for entry in views.list()} >= set(old)

    master.open().delete(["topic=video_topic/broken.parquet"])
    done = application.oozie.cli(*words, "-rerun", job, "-D", "oozie.wf.rerun.failnodes=true")
    assert done.returncode == 0, done.stdout + done.stderr
    repaired = application.oozie.wait(job, 900)
    assert repaired["status"] == "SUCCEEDED", application.oozie.hdfs.container_logs()[-6000:]
    assert repaired["run"] == 1
    whole = expected(semester, tmp_path, sorted(semester.rglob("*.parquet")))
    assert unequal(whole.open(), views) == []
