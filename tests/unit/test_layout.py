"""How events may lie in the master dataset, and what a path as input means."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from learnfold.errors import MissingDataError, UsageError
from learnfold.master.layout import Listing, open_master
from learnfold.settings import Settings

TOPICS = ("video_topic", "auth_topic")


def lay(root: Path, *paths: str) -> None:
    """Puts something at each path."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")


def listed(place: object) -> Listing:
    """What is found of the topics at ``place``."""
    return open_master(str(place), Settings()).listing(TOPICS, [*TOPICS, "course_topic"])


def paths(place: object) -> list[str]:
    """The files found of all topics, by path below the dataset."""
    return sorted(path for files in listed(place).files.values() for path in files)


def test_files_are_found_at_any_depth_and_in_any_order_of_folders(tmp_path: Path) -> None:
    """A topic's day folders may be below it or above it; a day is told from them, where they name one."""
    lay(
        tmp_path,
        "topic=video_topic/1.parquet",
        "topic=video_topic/a/b/c/2.parquet",
        "topic=video_topic/year=2025/month=12/day=10/3.parquet",
        "year=2025/month=9/day=1/topic=video_topic/4.parquet",
        "topic=video_topic/year=2025/month=12/day=10/hour=3/5.snappy.parquet",
        "region=eu/topic=video_topic/year=2025/month=2/day=30/6.parq",
        "topic=video_topic/year=99999999999/month=1/day=1/7.parquet",
        "topic=video_topic/year=2025/month=12/8.parquet",
        "topic=auth_topic/holiday=3/year=2025/month=12/birthday=10/9.parquet",
        "topic=auth_topic/year=2025/month=12/day=1.parquet",
    )
    found = listed(tmp_path)
    assert {path.rsplit("/", 1)[-1][0]: day for path, day in found.days["video_topic"].items()} == {
        "1": None,
        "2": None,
        "3": date(2025, 12, 10),
        "4": date(2025, 9, 1),
        "5": date(2025, 12, 10),
        "6": None,
        "7": None,
        "8": None,
    }
    assert set(found.days["auth_topic"].values()) == {None}
    assert found.files.keys() == set(TOPICS)


def test_what_is_not_events_is_passed_over(tmp_path: Path) -> None:
    """Hidden names, what jobs leave beside their output, other kinds of files, and what lies below no topic."""
    lay(
        tmp_path,
        "topic=video_topic/1.parquet",
        "topic=video_topic/_SUCCESS",
        "topic=video_topic/_temporary/0/2.parquet",
        "topic=video_topic/.hidden/3.parquet",
        "topic=video_topic/_4.parquet",
        "topic=video_topic/.5.parquet.tmp-1",
        "topic=video_topic/.6.parquet.crc",
        "topic=video_topic/7.csv",
        "_quarantine/topic=video_topic/8.parquet",
        "_progress/topic=video_topic/notes.txt",
        "9.parquet",
        "subtopic=video_topic/10.parquet",
    )
    assert paths(tmp_path) == ["topic=video_topic/1.parquet"]


def test_topics_that_no_subject_reads_are_counted(tmp_path: Path) -> None:
    """So that a misspelt folder doesn't go unseen; a topic of another job is none of them."""
    lay(tmp_path, "topic=video_topic/1.parquet", "topic=vidoe_topic/2.parquet", "topic=vidoe_topic/3.parquet")
    lay(tmp_path, "topic=course_topic/4.parquet")
    assert listed(tmp_path).unknown_topics == {"vidoe_topic": 2}


DAYS = (
    "topic=video_topic/year=2025/month=12/day=10/1.parquet",
    "year=2025/month=12/day=10/topic=video_topic/2.parquet",
    "topic=auth_topic/year=2025/month=12/day=10/3.parquet",
    "topic=video_topic/year=2025/month=12/day=9/4.parquet",
    "topic=video_topic/year=2025/month=12/day=09/5.parquet",
    "year=2025/month=9/day=9/topic=auth_topic/6.parquet",
    "topic=video_topic/year=2024/month=12/day=10/7.parquet",
    "topic=video_topic/8.parquet",
)


@pytest.mark.parametrize(
    ("below", "found"),
    [
        ("", "12345678"),
        ("/", "12345678"),
        ("/year=2025/month=12/day=10", "123"),
        ("/year=2025/month=12/day=10/", "123"),
        ("/year=2025/month=12/day=9", "45"),
        ("/year=2025/month=12/day=09", "45"),
        ("/year=2025/month=12", "12345"),
        ("/year=2025", "123456"),
        ("/year=2025/month=09", "6"),
        ("/topic=video_topic/year=2025/month=12/day=10", "12"),
        ("/year=2025/month=12/day=10/topic=auth_topic", "3"),
        ("/topic=auth_topic", "3"),
    ],
)
def test_a_days_folder_means_that_day_of_every_topic(tmp_path: Path, below: str, found: str) -> None:
    """Whichever of the two orders its folders have, with and without zeros before the numbers; the seed's reprocessing path."""
    lay(tmp_path, *DAYS)
    assert sorted(path.rsplit("/", 1)[-1][0] for path in paths(f"{tmp_path}{below}")) == list(found)


def test_a_days_folder_may_be_named_from_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a relative path, also from the dataset itself."""
    lay(tmp_path, *DAYS)
    monkeypatch.chdir(tmp_path)
    assert len(paths("year=2025/month=12/day=10")) == 3
    assert len(paths(".")) == 8


def test_the_days_of_a_narrowed_input_are_known(tmp_path: Path) -> None:
    """The first and last, for advice that names them."""
    lay(tmp_path, *DAYS)
    days = {
        below: open_master(f"{tmp_path}/{below}", Settings()).days() for below in ("", "year=2024", "year=2024/month=2")
    }
    assert days == {
        "": None,
        "year=2024": (date(2024, 1, 1), date(2024, 12, 31)),
        "year=2024/month=2": (date(2024, 2, 1), date(2024, 2, 29)),
    }


@pytest.mark.parametrize("below", ["year=2025/month=11/day=1", "year=2023", "topic=course_topics", "month=12/day=10"])
def test_where_nothing_is_it_is_said(tmp_path: Path, below: str) -> None:
    """With the place as it was understood."""
    lay(tmp_path, *DAYS)
    with pytest.raises(MissingDataError, match="there are no events at"):
        listed(f"{tmp_path}/{below}")


@pytest.mark.parametrize("below", ["year=2O25/month=12/day=10", "year=²", "year=2025/month=Dec"])
def test_a_folder_that_names_no_day_is_not_taken_for_the_whole(tmp_path: Path, below: str) -> None:
    """A slip in the path never makes a run over everything."""
    lay(tmp_path, *DAYS)
    with pytest.raises(UsageError, match=r"names no (year|month); one is called year=2025/month=12/day=10"):
        open_master(f"{tmp_path}/{below}", Settings())


def test_a_dataset_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Before anything is done."""
    with pytest.raises(MissingDataError, match=r"there is no master dataset at .*/nowhere"):
        open_master(f"{tmp_path}/nowhere", Settings())
