"""A manifest of format 1 is read and written for good."""

from __future__ import annotations

import json
from datetime import date

import pytest

from learnfold.batch.manifest import Manifest
from learnfold.engines import DayCounts
from learnfold.errors import DataError

STORED = {
    "batch": "20260102T030405-0123abcd",
    "parent": None,
    "action": "run",
    "started_at": "2026-01-02T03:04:05.000Z",
    "ended_at": "2026-01-02T03:04:06.000Z",
    "versions": {"learnfold": "0.1.0", "duckdb": "2.0.1", "python": "3.11.2"},
    "settings": {"platform_zone": "UTC"},
    "jobs": {
        "video": {
            "batch": "20260102T030405-0123abcd",
            "input": "/master",
            "whole": True,
            "topics": {
                "video_topic": {
                    "reading": "aa",
                    "files": {
                        "topic=video_topic/a.parquet": {
                            "size": 10,
                            "tag": "t",
                            "rows": 5,
                            "days": {"2026-01-01": 3, "2026-01-02": 1},
                            "quarantined": {"not JSON": 1},
                            "quarantine": "_quarantine/topic=video_topic/0f.parquet",
                            "offsets": {"0": [7, 11]},
                        }
                    },
                    "days": {"2026-01-01": [2, 1], "2026-01-02": [1, 0]},
                    "rollups": {
                        "video_watches": {
                            "fingerprint": "bb",
                            "parts": [
                                {
                                    "path": "_rollups/video_watches/b-0000.parquet",
                                    "rows": 3,
                                    "bytes": 100,
                                    "days": ["2026-01-01", "2026-01-02"],
                                    "held": 2,
                                }
                            ],
                            "blocks": [
                                {"path": "", "rows": 3, "bytes": 0, "days": ["2026-01-01", "2026-01-02"], "day_rows": 3}
                            ],
                        }
                    },
                    "unreadable": {},
                    "offsets": {"0": 12},
                }
            },
            "views": {
                "video_popularity": {
                    "paths": ["_batches/20260102T030405-0123abcd/video_popularity/part-00000.parquet"],
                    "fingerprint": "cc",
                    "rows": 1,
                    "bytes": 50,
                    "digest": "duckdb:1",
                    "seconds": 0.01,
                    "how": "whole",
                    "batch": "20260102T030405-0123abcd",
                    "checks": ["(video_id, course_id) is unique"],
                }
            },
            "folded_days": 2,
            "reused_days": 0,
        }
    },
    "ran": ["video"],
    "format": 1,
    "of": None,
}
"""As the first release wrote it: its keys, their order, days as texts, the counts of a day as a pair."""


def test_what_was_stored_is_stored_the_same_again() -> None:
    """Byte by byte: an older learnfold can read what this one writes."""
    stored = json.dumps(STORED, separators=(",", ":")).encode()
    assert Manifest.from_json(stored, "here").to_json() == stored


def test_days_are_dates_where_they_are_worked_with() -> None:
    """Texts are met in the file alone."""
    topic = Manifest.from_json(json.dumps(STORED).encode(), "here").jobs["video"].topics["video_topic"]
    first, second = date(2026, 1, 1), date(2026, 1, 2)
    assert topic.days == {first: DayCounts(2, 1), second: DayCounts(1, 0)}
    assert (topic.events, topic.duplicates, topic.quarantined) == (3, 1, {"not JSON": 1})
    assert topic.files["topic=video_topic/a.parquet"].days == {first: 3, second: 1}
    assert topic.rollups["video_watches"].days == {first, second}
    assert topic.rollups["video_watches"].segments[0].days == [first, second]


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("2026-01-02", "2026-02-30"),
        ('{"2026-01-01": 3, "2026-01-02": 1}', "[]"),
        ("[2, 1]", "[2, 1, 0]"),
        ('"parts"', '"pieces"'),
        ('"jobs"', '"works"'),
        ('"rows"', '"lines"'),
        ("{", "["),
        ('"format": 1', '"format": 2'),
    ],
)
def test_what_can_be_no_manifest_is_named(there: str, instead: str) -> None:
    """Whatever is wrong with it, the error says which file it is, and nothing else fails."""
    text = json.dumps(STORED)
    assert there in text
    with pytest.raises(DataError, match=r"^here (is no manifest|was written by a newer learnfold)"):
        Manifest.from_json(text.replace(there, instead).encode(), "here")
