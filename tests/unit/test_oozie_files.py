"""Oozie's files are what the catalogue and the settings say, and what is wrong with them is seen without a server."""

import re
from datetime import date
from pathlib import Path

import pytest

from learnfold import catalog
from learnfold.cli import main
from learnfold.errors import UsageError
from learnfold.master.closed_days import DONE
from learnfold.master.file_names import day_folder
from learnfold.oozie import oozie_files
from learnfold.oozie.check import problems
from learnfold.oozie.properties import megabytes, read_properties, resolved
from learnfold.schedule.frequency import FREQUENCIES, frequency
from learnfold.settings import Settings

COMMITTED = Path(__file__).parents[2] / "batch_layer" / "oozie"


def generated(choice: str = "daily", settings: Settings | None = None) -> dict[str, str]:
    """The files as they are generated now."""
    return oozie_files(catalog.load(), settings or Settings(), frequency(choice))


def test_the_committed_files_are_not_stale() -> None:
    """Whoever changes a subject, a setting's default or a template has to run `make docs`."""
    assert generated() == {file.name: file.read_text(encoding="utf-8") for file in COMMITTED.iterdir()}


@pytest.mark.parametrize("choice", FREQUENCIES)
def test_nothing_is_wrong_with_the_files_of_any_frequency(choice: str) -> None:
    """They are XML, every transition arrives, every node is reached, every name is defined."""
    files = generated(choice)
    assert problems(files) == []
    assert f'frequency="{FREQUENCIES[choice].oozie}"' in files["coordinator.xml"]


def test_only_coordinators_of_whole_days_wait() -> None:
    """The daily one waits for the day before, the weekly one for seven, those within a day for nothing."""
    waits = {choice: generated(choice)["coordinator.xml"] for choice in FREQUENCIES}
    topics = len(catalog.load().topics)
    assert waits["daily"].count("<instance>${coord:current(-1)}</instance>") == topics
    assert "<start-instance>${coord:current(-7)}</start-instance>" in waits["weekly"]
    assert not any("input-events" in waits[choice] for choice in ("hourly", "6h"))


def test_the_coordinator_looks_where_ingestion_marks_closed_days() -> None:
    """The folder of a topic's day, as ingestion and compaction name it, and their mark in it."""
    templates = re.findall(
        r"<uri-template>(.*)</uri-template>\s*<done-flag>(.*)</done-flag>", generated()["coordinator.xml"]
    )
    filled = [
        (template.replace("${YEAR}", "2025").replace("${MONTH}", "03").replace("${DAY}", "09"), flag)
        for template, flag in templates
    ]
    day = date(2025, 3, 9)
    assert filled == [(f"${{closedPath}}/{day_folder(topic, day)}", DONE) for topic in catalog.load().topics]


def test_the_fork_has_each_job_of_the_catalogue() -> None:
    """An action a job, named as the seed names its file; what reads others' tables comes behind the join."""
    workflow = generated()["workflow.xml"]
    for job in catalog.load().jobs:
        assert (f'<path start="{job}_batch_job"/>' in workflow) == (not catalog.load().jobs[job].after)
        assert f'<action name="{job}_batch_job" retry-max="2"' in workflow
    assert workflow.count("<path ") == sum(not job.after for job in catalog.load().jobs.values())


def test_settings_decide_how_large_spark_is_and_secrets_never_show() -> None:
    """Executors are as the settings say; keys are in no file."""
    settings = Settings(executor_memory="8g", driver_memory="4g", s3_access_key="AKIAKEY", s3_secret_key="hushhush")
    files = generated(settings=settings)
    properties = read_properties(files["job.properties"])
    assert (properties["executorMemory"], properties["launcherMemoryMb"]) == ("8g", "4608")
    assert not any("AKIAKEY" in text or "hushhush" in text for text in files.values())


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("workflow.xml", '<ok to="views_published"/>', '<ok to="nowhere"/>', "<ok> goes to 'nowhere'"),
        ("workflow.xml", '<path start="video_batch_job"/>', "", "nothing leads to 'video_batch_job'"),
        ("workflow.xml", 'name="video_batch_job_alert"', 'name="fail"', "two nodes 'fail'"),
        ("workflow.xml", "${outputPath}", "${outPath}", "nothing defines ${outPath}"),
        ("workflow.xml", "<start to", "<start & to", "workflow.xml is not XML"),
        ("coordinator.xml", "${closedPath}", "${closed}", "nothing defines ${closed}"),
        ("job.properties", "nameNode=", "nodeName=", "appPath names ${nameNode}"),
        ("job.properties", "queueName=", "s3SecretKey=", "looks like a secret"),
    ],
)
def test_what_is_wrong_is_said(file: str, old: str, new: str, said: str) -> None:
    """A dangling transition, an undefined name, XML that isn't, and a secret are each found."""
    files = generated()
    assert old in files[file]
    files[file] = files[file].replace(old, new)
    assert any(said in problem for problem in problems(files)), problems(files)


def test_properties_are_put_into_each_other() -> None:
    """A property may name others; one that names itself is refused."""
    properties = {"a": "${b}/x", "b": "${user.name}", "user.name": "me", "loop": "${loop}!"}
    assert resolved("${a}/${unknown}", properties) == "me/x/${unknown}"
    with pytest.raises(UsageError, match="names itself"):
        resolved("${loop}", properties)


@pytest.mark.parametrize(("size", "expected"), [("2g", 2048), ("512m", 512), ("1T", 1048576), ("2048k", 2)])
def test_sizes_of_memory_are_read_as_spark_writes_them(size: str, expected: int) -> None:
    """In megabytes."""
    assert megabytes(size) == expected


def test_a_size_that_is_none_is_refused() -> None:
    """With an example of one that is."""
    with pytest.raises(UsageError, match="512m"):
        megabytes("much")


def test_the_command_writes_what_is_new_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first time all three files, then none, then what another frequency changes."""
    folder = tmp_path / "with a space"
    assert main(["oozie", "--write", str(folder)]) == 0
    assert "workflow.xml, coordinator.xml, job.properties" in capsys.readouterr().out
    assert main(["oozie", "--write", str(folder)]) == 0
    assert "nothing written" in capsys.readouterr().out
    assert main(["oozie", "--write", str(folder), "--frequency", "hourly"]) == 0
    assert ": coordinator.xml written" in capsys.readouterr().out


def test_the_command_prints_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --write they go to stdout."""
    assert main(["oozie"]) == 0
    assert generated()["workflow.xml"] in capsys.readouterr().out
