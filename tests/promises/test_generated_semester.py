"""A made-up semester with every awkwardness: all 37 views equal the oracle's, and the planted truth holds."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import oracle
from learnfold.batch.run import RunReport
from learnfold.generate import Semester, generate
from learnfold.settings import Settings
from promises.views import differences, rows, run_job, views_of
from unit.made_semester import dataset, files_of, missed, truth_of

pytestmark = pytest.mark.slow

AWKWARD = Semester(
    events=3_000, days=10, seed=11, duplicates=0.15, late=0.1, out_of_order=0.3, malformed=0.1, awkward=True
)
WAYS = {
    "flat": (replace(AWKWARD, awkward=False), "flat"),
    "envelope": (replace(AWKWARD, awkward=False, seed=12), "envelope"),
    "awkward flat": (AWKWARD, "flat"),
    "awkward envelope": (replace(AWKWARD, seed=13), "envelope"),
}
ZONES = [("UTC", "UTC"), ("Asia/Ho_Chi_Minh", "America/New_York")]


@pytest.fixture(scope="module", params=WAYS)
def master(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The semester as files."""
    semester, shape = WAYS[request.param]
    out = tmp_path_factory.mktemp("semester") / "master"
    generate(semester, out, shape=shape)
    return out


def facts(report: RunReport) -> dict[str, tuple[int, int, int, int]]:
    """By topic: files, valid events, copies and invalid ones."""
    return {
        name: (len(topic.files), topic.events, topic.duplicates, sum(topic.quarantined.values()))
        for job in report.manifest.jobs.values()
        for name, topic in job.topics.items()
    }


@pytest.mark.parametrize(("platform", "reporting"), ZONES)
def test_all_views_of_a_semester_equal_the_oracle(master: Path, tmp_path: Path, platform: str, reporting: str) -> None:
    """Every row and column, read from the same files by something else; so are the counts of what was left out."""
    settings, out = Settings(platform_zone=platform, reporting_zone=reporting), tmp_path / "out"
    report = run_job(master, out, settings=settings)
    messages = dataset(master)
    assert differences(out, messages, settings=settings) == []
    assert sum(len(rows(out, view)) for view in views_of()) > 1_000
    expected = {}
    for topic, all_ in messages.items():
        events, invalid = oracle.read_events(all_, topic, platform)
        expected[topic] = (
            len(files_of(master, topic)),
            len(events),
            len(all_) - len(events) - len(invalid),
            len(invalid),
        )
    assert expected == facts(report)


def test_what_was_planted_is_found(master: Path, tmp_path: Path) -> None:
    """The rows that were known before a single event was made up, and how many events, copies and broken ones there are."""
    report = run_job(master, tmp_path / "out")
    truth = truth_of(master)
    assert missed(truth, {view: rows(tmp_path / "out", view) for view in views_of()}) == []
    found = facts(report)
    for topic, said in truth["counts"].items():
        assert (sum(said["events"].values()), said["duplicates"], sum(said["malformed"].values())) == found[topic][
            1:
        ], topic


def test_a_semester_that_arrives_day_by_day_ends_in_the_same_views(master: Path, tmp_path: Path) -> None:
    """Three runs as it comes, late files and all, give the rows of one run over everything."""
    run_job(master, tmp_path / "at once")
    files = sorted(files_of(master), key=lambda file: (file.name, file.parent.as_posix()))
    for number in range(3):
        for file in files[number::3]:
            target = tmp_path / "arriving" / file.relative_to(master)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        report = run_job(tmp_path / "arriving", tmp_path / "step by step")
    for view in views_of():
        assert rows(tmp_path / "step by step", view) == rows(tmp_path / "at once", view), view
    assert facts(report)["video_topic"][0] == len(files_of(master, "video_topic"))
