"""``learnfold doctor`` on real S3 servers and a real Kafka."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from promises.growing import grow
from services.faulty import FaultyS3
from services.places import Place, bucket
from services.published import learnfold, upload
from services.stack.kafka import Kafka
from services.test_s3 import Shared

pytestmark = pytest.mark.services


def test_a_place_on_s3_is_tried_and_left_as_it_was(s3_place: Place, tmp_path: Path) -> None:
    """Listing, writing, copying and conditional writes are fine, and no object stays."""
    grow(tmp_path, 0)
    upload(tmp_path, s3_place.below("master"))
    done = learnfold(s3_place, "doctor", s3_place.below("master").url, s3_place.below("views", "s3a").url, "--json")
    assert done.returncode == 0, done.stdout
    report = json.loads(done.stdout)
    assert [check["ok"] for check in report["checks"]] == [True] * 4
    assert report["settings"]["s3_secret_key"] == "set"
    assert s3_place.environment["AWS_SECRET_ACCESS_KEY"] not in done.stdout
    assert {entry.path.split("/")[0] for entry in s3_place.open().list()} == {"master"}


def test_wrong_keys_and_a_missing_bucket_are_told(s3_place: Place) -> None:
    """Exit 1, and what to mend, for each place that was asked for."""
    done = learnfold(s3_place, "doctor", s3_place.url, "s3a://no-such-bucket/views")
    assert done.returncode == 1
    assert "there are no events at" in done.stdout
    assert "there is no bucket no-such-bucket" in done.stdout
    done = learnfold(s3_place, "doctor", s3_place.url, s3_place.url, AWS_ACCESS_KEY_ID="nobody")
    assert done.returncode == 1
    assert len(re.findall("doesn't know the access key", done.stdout)) == 2


def test_a_server_without_conditional_writes_is_told(tmp_path: Path) -> None:
    """What a run would find out at its first swap, the doctor says beforehand."""
    with Shared(tmp_path / "server") as server, FaultyS3(server, strip=("if-none-match", "if-match")) as proxy:
        place = bucket(server).through(proxy.endpoint)
        grow(tmp_path / "master", 0)
        done = learnfold(place, "doctor", tmp_path / "master", place.url, "--json", AWS_SKIP_SIGNATURE="true")
        assert done.returncode == 1
        checks = json.loads(done.stdout)["checks"]
        assert [check["ok"] for check in checks] == [True, True, True, False]
        assert "doesn't honour conditional writes" in checks[-1]["detail"]


def test_kafka_is_asked_where_it_is(kafka: Kafka, tmp_path: Path) -> None:
    """With --kafka the brokers' topics of ours are listed; a dead address is exit 1."""
    kafka.create_topic("video_topic", 3)
    place = Place(str(tmp_path))
    done = learnfold(place, "doctor", "--kafka", "--servers", kafka.bootstrap_servers, "--json")
    assert done.returncode == 0, done.stdout
    (check,) = json.loads(done.stdout)["checks"]
    assert check["where"] == kafka.bootstrap_servers
    assert re.search(r"1 broker\(s\).*video_topic \(\d+\)", check["detail"])
    done = learnfold(place, "doctor", "--kafka", "--servers", "127.0.0.1:9")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stdout
