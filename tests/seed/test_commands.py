"""Every command of the seed's page, as it stands there, from the repository's root and from a bare clone."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learnfold import catalog
from learnfold.batch.manifest import Manifest, read_current
from learnfold.storage.folder import FolderStorage
from promises.growing import plain
from promises.views import views_of
from seed.place import Place, repository

RUN = "batch_layer/run_batch_jobs.py"
DAY = "year=2025/month=12/day=01"


def views_in(out: Path) -> set[str]:
    """The views that lie at the paths which the seed promises."""
    return {path.parent.name for path in out.glob("*/part-00000.parquet")}


def published(out: Path) -> Manifest:
    """What was published last."""
    manifest, _ = read_current(FolderStorage(str(out)))
    assert manifest is not None
    return manifest


def events(out: Path) -> int:
    """The viewings that the views count."""
    return sum(pq.read_table(out / "video_popularity").column("total_view_events").to_pylist())


@pytest.mark.slow
def test_all_jobs_are_run_by_one_command(place: Place, master: Path, tmp_path: Path) -> None:
    """``python batch_layer/run_batch_jobs.py IN OUT`` makes all views, and a table of what it did."""
    result = place.python(RUN, master, tmp_path / "batch_views")
    assert (result.code, result.err) == (0, "")
    assert views_in(tmp_path / "batch_views") == set(views_of())
    assert plain(tmp_path / "batch_views") == {40}
    lines = [line.split() for line in result.out.splitlines()]
    shown = {line[0]: line[1:] for line in lines if line and line[0] in views_of()}
    assert shown.keys() == set(views_of())
    watched = {view: row for view, row in shown.items() if view.startswith("video") and view != "video_retention"}
    assert all(
        int(rows) > 0 and float(seconds) >= 0 for rows, seconds, _ in watched.values()
    )  # none says how long it took


def test_one_job_is_run_by_its_name(place: Place, master: Path, tmp_path: Path) -> None:
    """``python batch_layer/run_batch_jobs.py video IN OUT`` makes its views and no others."""
    assert place.python(RUN, "video", master, tmp_path / "out").code == 0
    assert views_in(tmp_path / "out") == set(views_of("video"))
    assert events(tmp_path / "out") == 40


@pytest.mark.slow
@pytest.mark.parametrize("job", catalog.load().jobs)
def test_one_job_is_run_by_its_own_file(place: Place, master: Path, tmp_path: Path, job: str) -> None:
    """``python batch_layer/jobs/<job>_batch_job.py IN OUT``, for each of them, behind those that it reads."""
    for below in catalog.load().jobs[job].after:
        assert place.python(f"batch_layer/jobs/{below}_batch_job.py", master, tmp_path / "out").code == 0
    before = views_in(tmp_path / "out") if catalog.load().jobs[job].after else set()
    result = place.python(f"batch_layer/jobs/{job}_batch_job.py", master, tmp_path / "out")
    assert (result.code, result.err) == (0, "")
    assert views_in(tmp_path / "out") - before == set(views_of(job))


@pytest.mark.slow
def test_the_five_jobs_one_after_the_other_are_all_jobs(master: Path, tmp_path: Path) -> None:
    """Each adds its own views to what is there, and takes no other's away."""
    for job in ("auth", "video"):
        assert repository().python(RUN, job, master, tmp_path / "out").code == 0
    assert views_in(tmp_path / "out") == {*views_of("auth"), *views_of("video")}
    assert set(published(tmp_path / "out").jobs) == {"auth", "video"}


@pytest.mark.slow
def test_a_test_run_goes_to_a_folder_of_its_own(master: Path, tmp_path: Path) -> None:
    """``… batch_views_test`` beside the real views leaves these alone; a relative path and file:// are places too."""
    place = Place(tmp_path)
    script = repository().folder / RUN
    assert place.python(script, "auth", master, "batch_views").code == 0
    before = (tmp_path / "batch_views" / "_batches" / "current.json").read_bytes()
    assert place.python(script, "auth", f"file://{master}", "./batch_views_test/").code == 0
    assert views_in(tmp_path / "batch_views_test") == set(views_of("auth"))
    assert (tmp_path / "batch_views" / "_batches" / "current.json").read_bytes() == before


def test_one_day_is_computed_from_its_folder(master: Path, tmp_path: Path) -> None:
    """The seed's reprocessing path, ``IN/year=2025/month=12/day=01``: that day of every topic, into an output of its own."""
    assert repository().python(RUN, "video", master / DAY, tmp_path / "out").code == 0
    assert events(tmp_path / "out") == 20
    assert published(tmp_path / "out").jobs["video"].input == str(master / DAY)


@pytest.mark.slow
def test_one_day_is_computed_from_its_folder_in_the_other_order(tmp_path: Path) -> None:
    """Also where the day's folder holds the topics, not the topics the days; and where both do."""
    row = {"event_type": "VIDEO_WATCHED", "user_id": "u", "timestamp": "2025-12-10 10:00:00"}
    for folder in (
        "year=2025/month=12/day=10/topic=video_topic",
        "topic=video_topic/year=2025/month=12/day=11",
        "topic=video_topic/year=2025/month=12/day=10",
    ):
        (tmp_path / "in" / folder).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / "in" / folder / "part-0.parquet")
    assert repository().python(RUN, "video", tmp_path / "in" / "year=2025/month=12/day=10", tmp_path / "out").code == 0
    assert events(tmp_path / "out") == 2


@pytest.mark.slow
def test_one_day_never_replaces_the_whole(master: Path, tmp_path: Path) -> None:
    """Into the views of everything a day's folder is refused; the command that the refusal names does what was meant."""
    out = tmp_path / "out"
    assert repository().python(RUN, "video", master, out).code == 0
    refused = repository().python(RUN, "video", master / DAY, out)
    assert refused.code == 2
    assert f"{out} holds the views of the whole of {master}" in refused.err
    assert events(out) == 40
    advice = next(line for line in refused.err.splitlines() if line.strip().startswith("learnfold run "))
    assert repository().python("-m", *advice.split(), "--job", "video").code == 0
    manifest = published(out)
    assert (events(out), manifest.jobs["video"].folded_days, manifest.jobs["video"].reused_days) == (40, 1, 1)


@pytest.mark.slow
def test_the_report_is_data_and_the_talk_is_not(master: Path, tmp_path: Path) -> None:
    """``--json`` prints JSON alone to stdout; so does ``--plan``, which does nothing."""
    planned = repository().python(RUN, "video", master, tmp_path / "out", "--plan", "--json")
    assert json.loads(planned.out)["views"] == views_of("video")
    assert not (tmp_path / "out").exists()
    report = json.loads(repository().python(RUN, "video", master, tmp_path / "out", "--json").out)
    assert report["published"] is True
    assert report["views"].keys() == set(views_of("video"))
    assert report["topics"]["video_topic"]["events"] == 40
    again = json.loads(repository().python(RUN, "video", master, tmp_path / "out", "--json").out)
    assert (again["published"], again["batch"], again["days_folded"]) == (False, report["batch"], 0)


@pytest.mark.slow
def test_what_the_seed_deletes_is_made_again(master: Path, tmp_path: Path) -> None:
    """Cleaning old views by removing everything below OUT, or one view's folder: the next run makes them anew."""
    out = tmp_path / "out"
    assert repository().python(RUN, "video", master, out).code == 0
    (out / "video_popularity" / "part-00000.parquet").unlink()
    assert repository().python(RUN, "video", master, out).code == 0
    assert events(out) == 40
    shutil.rmtree(out)
    assert repository().python(RUN, "video", master, out).code == 0
    assert (events(out), views_in(out)) == (40, set(views_of("video")))


def shown_config(place: Place, **environment: str) -> dict[str, dict[str, object]]:
    """What ``python batch_layer/config.py`` prints."""
    result = place.python("batch_layer/config.py", **environment)
    assert (result.code, result.err) == (0, "")
    found: dict[str, dict[str, object]] = ast.literal_eval(result.out)
    return found


def test_the_configuration_has_the_seeds_keys_and_values(place: Place) -> None:
    """minio, paths, spark, schedule, topics, batch_views; all derived, so that nothing is written twice."""
    config = shown_config(place)
    assert list(config) == ["minio", "paths", "spark", "schedule", "topics", "batch_views"]
    assert config["minio"] == {
        "endpoint": "http://minio:9000",
        "access_key": "",
        "secret_key": "",
        "ssl_enabled": False,
        "path_style_access": True,
    }
    assert config["paths"] == {
        "input": "s3a://bucket-0/master_dataset",
        "output": "s3a://bucket-0/batch_views",
        "checkpoint": "s3a://bucket-0/checkpoints/batch",
    }
    assert config["spark"] == {
        "executor_memory": "4g",
        "executor_cores": 2,
        "num_executors": 3,
        "driver_memory": "2g",
        "shuffle_partitions": 200,
        "default_parallelism": 100,
    }
    assert config["schedule"]["frequency"] == "${coord:hours(24)}"
    assert config["batch_views"] == {job: views_of(job) for job in catalog.load().jobs}
    assert config["topics"]["profile_notification"] == ["profile_topic", "notification_topic"]
    assert config["topics"]["video"] == ["video_topic"]


def test_the_configuration_follows_the_settings_and_shows_no_secret() -> None:
    """What the environment says is there; keys are stars."""
    said = {"MINIO_ENDPOINT": "https://s3.example.org", "MINIO_ACCESS_KEY": "AKIAxyz", "MINIO_SECRET_KEY": "hush-hush"}
    config = shown_config(repository(), LEARNFOLD_EXECUTOR_MEMORY="8g", **said)
    assert config["spark"]["executor_memory"] == "8g"
    assert (config["minio"]["endpoint"], config["minio"]["ssl_enabled"]) == ("https://s3.example.org", True)
    assert (config["minio"]["access_key"], config["minio"]["secret_key"]) == ("***", "***")


@pytest.mark.slow
@pytest.mark.parametrize("installed", [False, True], ids=["bare", "installed"])
def test_what_is_set_in_the_configuration_holds_for_the_commands(
    clone: Place, master: Path, tmp_path: Path, installed: bool
) -> None:
    """Whether learnfold is installed or not; the environment and flags win over it."""
    file = clone.folder / "batch_layer" / "config.py"
    before = file.read_text("utf-8")
    place = Place(clone.folder) if installed else clone
    try:
        file.write_text(
            before.replace("SETTINGS: dict[str, object] = {}", "SETTINGS = {'reporting_zone': 'Asia/Tokyo'}"), "utf-8"
        )
        job = "batch_layer/jobs/auth_batch_job.py"
        assert place.python(job, master, tmp_path / "set").code == 0
        assert published(tmp_path / "set").settings["reporting_zone"] == "Asia/Tokyo"
        assert place.python(RUN, "auth", master, tmp_path / "flag", "--reporting-zone", "Asia/Seoul").code == 0
        assert published(tmp_path / "flag").settings["reporting_zone"] == "Asia/Seoul"
        file.write_text(
            before.replace("SETTINGS: dict[str, object] = {}", "SETTINGS = {'reporting_zoon': 'x'}"), "utf-8"
        )
        refused = place.python(RUN, master, tmp_path / "wrong")
        assert refused.code == 2
        assert "LEARNFOLD_REPORTING_ZOON is no setting; did you mean LEARNFOLD_REPORTING_ZONE?" in refused.err
    finally:
        file.write_text(before, "utf-8")


def test_without_the_dependencies_it_is_said_what_to_install(clone: Place, tmp_path: Path) -> None:
    """On a machine that has only Python, each command says what is missing."""
    bare = Place(clone.folder, ("-S",), {"PYTHONPATH": ""})
    for command in (RUN, "batch_layer/jobs/video_batch_job.py", "batch_layer/config.py"):
        places = () if command.endswith("config.py") else (tmp_path, tmp_path / "out")
        result = bare.python(command, *places)
        assert result.code == 1
        assert "isn't installed; pip install . (in the clone" in result.err
