"""``learnfold serve`` on a bucket: what is published there is answered, followed and rolled back, and outlives the bucket's server."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from learnfold.batch.manifest import read_current
from promises.growing import grow
from services.ingesting import wait_for
from services.places import Place, bucket
from services.published import learnfold, rows, upload
from services.stack.minio import Minio
from services.stack.service import free_ports

pytestmark = pytest.mark.services

VIEW = "auth_user_activity_summary"


class Serving:
    """A server of a place, as a process of its own."""

    def __init__(self, place: Place, log: Path, port: int) -> None:
        self.place, self.log, self.port = place, log, port

    def get(self, address: str) -> Any:
        """What it answers, which must go well."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{address}", timeout=60) as answer:
            return json.load(answer)

    def said(self) -> str:
        """Its log."""
        return self.log.read_text("utf-8")

    def answers_from(self, batch: str) -> None:
        """Waits until it does."""
        wait_for(lambda: self.get("/health/ready")["batch"] == batch, self.said)

    def rows(self, more: str = "") -> list[dict[str, Any]]:
        """Every row of the view, in its key's order."""
        return self.get(f"/v1/views/{VIEW}?limit=10000{more}")["rows"]


@contextlib.contextmanager
def serving(place: Place, folder: Path, **environment: str) -> Iterator[Serving]:
    """A server of what lies there, open, until the block ends; it ends well when it is asked to."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "learnfold", "serve", place.url, "--open", "--port", str(port)]
    log = folder / "serve.log"
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, env=place.process_environment(LEARNFOLD_THREADS="1", **environment), stderr=file
        )
    try:
        server = Serving(place, log, port)
        wait_for(lambda: "listening on" in server.said() or process.poll() is not None, server.said)
        assert process.poll() is None, server.said()
        yield server
    finally:
        process.terminate()
        code = process.wait(60)
    assert code in {0, -15}, server.said()
    assert "Traceback" not in server.said(), server.said()


def publish(place: Place, folder: Path, day: int) -> str:
    """Adds a day of events, runs the auth job, and names the batch."""
    grow(folder / "master", day)
    upload(folder / "master", place.below("master"), list((folder / "master").rglob(f"part-{day:05d}.parquet")))
    done = learnfold(place, "run", "--job", "auth", place.below("master").url, place.below("views").url)
    assert done.returncode == 0, done.stderr
    return batch_of(place)


def batch_of(place: Place) -> str:
    """The batch that is published there."""
    manifest, _ = read_current(place.below("views").open())
    assert manifest is not None
    return manifest.batch


def published(place: Place) -> list[tuple[Any, ...]]:
    """Key and numbers of every row at the plain path, as JSON has them."""
    return sorted((row["user_id"], row["total_logins"]) for row in rows(place.below("views").open(), VIEW))


def answered(found: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The same of an answer."""
    return [(row["user_id"], row["total_logins"]) for row in found]


def test_a_bucket_is_served_followed_and_rolled_back(s3_place: Place, tmp_path: Path) -> None:
    """What a run publishes is answered, then what a rollback does; the older batch stays answerable by its name."""
    first = publish(s3_place, tmp_path, 0)
    with serving(s3_place.below("views"), tmp_path) as server:
        server.answers_from(first)
        before = answered(server.rows())
        assert before == published(s3_place)
        second = publish(s3_place, tmp_path, 1)
        server.answers_from(second)
        after = answered(server.rows())
        assert after == published(s3_place)
        assert after != before
        assert answered(server.rows(f"&batch={first}")) == before
        rolled = learnfold(s3_place, "rollback", s3_place.below("views").url, first)
        assert rolled.returncode == 0, rolled.stderr
        server.answers_from(batch_of(s3_place))
        assert answered(server.rows()) == before == published(s3_place)


def test_answers_outlive_the_buckets_server(tmp_path: Path) -> None:
    """While it is down the batch that is open is answered from, and the log says why no other is; then following goes on."""
    with Minio(tmp_path / "minio") as minio:
        place = bucket(minio)
        first = publish(place, tmp_path, 0)
        with serving(place.below("views"), tmp_path, LEARNFOLD_S3_RETRIES="1") as server:
            server.answers_from(first)
            before = server.rows()
            minio.kill()
            wait_for(lambda: "the one before stays" in server.said(), server.said)
            assert server.rows() == before
            minio.restart()
            server.answers_from(publish(place, tmp_path, 1))
            assert server.rows() != before
