"""Whole runs with events and views on S3: the views of the same run on folders, and every command that keeps them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from learnfold import catalog
from learnfold.cli import main
from promises.growing import grow
from services.faulty import FaultyS3
from services.places import Place, bucket
from services.published import differences, learnfold, plain, rows, upload, whole
from services.stack.minio import Minio

pytestmark = pytest.mark.services

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def semester(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small semester of every awkward kind."""
    folder = tmp_path_factory.mktemp("semester") / "master"
    options = ["--events", "3000", "--days", "4", "--awkward", "--duplicates", "0.05", "--late", "0.05"]
    assert main(["generate", str(folder), *options, "--malformed", "0.02"]) == 0
    return folder


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command in this process, in a place's environment; its answer as JSON says it."""

    def ask(place: Place, *words: object) -> dict[str, object]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in place.environment.items():
                patch.setenv(name, value)
            code = main([*map(str, words), "--json"])
        said = capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out)

    return ask


@pytest.mark.parametrize("schemes", [("s3", "s3a"), ("folder", "s3"), ("s3a", "folder")])
def test_a_run_on_s3_gives_the_views_of_a_run_on_folders(
    s3_place: Place, schemes: tuple[str, str], semester: Path, tmp_path: Path, ask: Ask
) -> None:
    """A first run, one after half the files came late, and one with nothing new: all 37 views equal, types included."""
    local = Place(str(tmp_path / "local"))
    source = s3_place.below("master", schemes[0]) if schemes[0] != "folder" else local.below("other master")
    target = s3_place.below("views", schemes[1]) if schemes[1] != "folder" else local.below("other views")
    files = sorted(semester.rglob("*.parquet"))
    for half in (files[::2], files[1::2]):
        for place in (local.below("master"), source):
            upload(semester, place, half)
        expected = ask(local, "run", local.below("master").url, local.below("views").url)
        actual = ask(s3_place, "run", source.url, target.url)
        assert actual["topics"] == expected["topics"]
        assert actual["days_folded"] == expected["days_folded"]
        assert differences(local.below("views").open(), target.open()) == []
    again = ask(s3_place, "run", source.url.replace("s3a:", "s3:"), target.url.replace("s3:", "s3a:"))
    assert again["published"] is False, "the other scheme is the same place, and nothing is new there"


@pytest.mark.parametrize(
    "words",
    [
        ["batch_layer/run_batch_jobs.py", "video"],
        ["batch_layer/jobs/video_batch_job.py"],
        ["batch_layer/run_batch_jobs.py"],
    ],
)
def test_the_seeds_commands_work_on_s3a_paths(s3_place: Place, words: list[str], tmp_path: Path) -> None:
    """The seed's commands, with its paths and MinIO's variables, write the views to the plain paths."""
    grow(tmp_path, 0)
    assert s3_place.server is not None
    name, old = s3_place.server.new_bucket(), s3_place.environment
    variables = {
        "MINIO_ENDPOINT": old["AWS_ENDPOINT_URL"],
        "MINIO_ACCESS_KEY": old["AWS_ACCESS_KEY_ID"],
        "MINIO_SECRET_KEY": old["AWS_SECRET_ACCESS_KEY"],
    }
    place = Place(f"s3a://{name}", variables, s3_place.server)
    upload(tmp_path, place.below("master_dataset"))
    done = learnfold(place, *words, f"s3a://{name}/master_dataset", f"s3a://{name}/batch_views")
    assert done.returncode == 0, done.stderr
    views = place.below("batch_views").open()
    assert sum(row["total_watch_sessions"] for row in rows(views, "video_total_watch_time")) == 20
    assert bool(views.list("auth_daily_active_users")) == (len(words) == 1 and "run_batch" in words[0])


def test_the_seeds_reprocessing_path_is_a_day(s3_place: Place, tmp_path: Path, ask: Ask) -> None:
    """MASTER/year=…/month=…/day=… as input means that day of every topic."""
    for step in range(2):
        grow(tmp_path, step)
    upload(tmp_path, s3_place.below("master"))
    day = s3_place.below("master/year=2025/month=12/day=02", "s3a")
    report = ask(s3_place, "run", day.url, s3_place.below("day").url)
    assert {topic["events"] for topic in report["topics"].values()} == {20}
    assert plain(s3_place.below("day").open()) == 20


def test_every_command_says_the_same_on_s3(s3_place: Place, tmp_path: Path, ask: Ask) -> None:
    """status, show, diff, rollback, verify, clean and erase do on S3 what they do in a folder."""
    said: dict[str, list[object]] = {}
    for kind, place in (("local", Place(str(tmp_path / "local"))), ("s3", s3_place)):
        said[kind] = [_comparable(ask(place, *words)) for words in _life(place, tmp_path / f"{kind} source")]
    assert len(said["local"]) == 14
    for expected, actual in zip(said["local"], said["s3"], strict=True):
        assert expected == actual


def _life(place: Place, source: Path) -> Iterator[tuple[object, ...]]:
    """The commands that a place sees, each to be run before the next is asked for; checks what they did."""
    master, out = place.below("master"), place.below("views")
    for step in range(3):
        grow(source / str(step), step)
        upload(source / str(step), master)
        yield "run", master.url, out.url
        assert whole(out.open())[1] == plain(out.open()) == (step + 1) * 20
    yield "show", "video_popularity", out.url
    yield "diff", out.url, "--view", "video_popularity"
    yield "status", out.url
    yield "verify", master.url, out.url
    yield "rollback", out.url
    assert whole(out.open())[1] == plain(out.open()) == 40
    yield "rollback", out.url
    yield "clean", out.url, "--keep", 1, "--grace-minutes", 0, "--dry-run"
    before = len(out.open().list())
    yield "clean", out.url, "--keep", 1, "--grace-minutes", 0
    assert len(out.open().list()) < before
    assert whole(out.open())[1] == plain(out.open())
    yield "erase", "u3", master.url, out.url, "--yes"
    assert not [row for row in rows(out.open(), "auth_user_activity_summary") if row["user_id"] == "u3"]
    yield "verify", master.url, out.url
    yield "status", out.url


_OTHER_EACH_TIME = {"batch", "batches", "of", "parent", "receipt", "leases", "paths", "input", "files"}


def _comparable(answer: object) -> object:
    """An answer without what is another each time: names of batches, times, sizes of files, addresses."""
    if isinstance(answer, dict):
        return {
            key: _comparable(value)
            for key, value in answer.items()
            if key not in _OTHER_EACH_TIME and not key.endswith(("_at", "seconds", "bytes"))
        }
    if isinstance(answer, list):
        return [_comparable(value) for value in answer]
    if isinstance(answer, str) and (re.search(r"\d{8}T\d{6}-", answer) or "://" in answer or answer.startswith("/")):
        return "?"
    return answer


def test_a_run_asks_for_no_more_than_it_needs(minio: Minio, semester: Path, ask: Ask) -> None:
    """Of each file its footer and itself (twice where its day is folded again), each view put once, no rollup fetched back."""
    with FaultyS3(minio) as proxy:
        place = bucket(minio)
        upload(semester, place.below("master"))
        files = len([entry for entry in place.below("master").open().list() if entry.path.endswith(".parquet")])
        ask(place.through(proxy.endpoint), "run", place.below("master").url, place.below("views").url)
    events = [path for method, path in proxy.seen if method == "GET" and "/master/topic" in path]
    assert 2 * files <= len(events) <= 3 * files
    views = [path for method, path in proxy.seen if method == "PUT" and "/_batches/" in path and ".parquet" in path]
    assert len(views) == len(catalog.load().views)
    assert [path for method, path in proxy.seen if method == "GET" and "/_rollups/" in path] == []
