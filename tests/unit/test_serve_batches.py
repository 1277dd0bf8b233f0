"""Which batch is answered from: one a request, the published one within a second, older ones for those who still read them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from serving import Client, refused, served
from small_place import Place

from learnfold.batch.clean import clean
from learnfold.batch.history import published
from learnfold.catalog import load
from learnfold.operate.rollback import rollback
from learnfold.serve.bases import Base
from learnfold.serve.database import Database
from learnfold.serve.forms import PLAIN, Form
from learnfold.serve.tables import Tables, Wanted
from learnfold.settings import Settings
from learnfold.storage import open_storage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from learnfold.batch.manifest import ViewRecord
    from learnfold.catalog import View

TWO = {"queries": [{"view": "video_total_watch_time", "limit": 1000}, {"view": "video_popularity"}]}


def wait_for(client: Client, batch: str) -> None:
    """Until the batch is answered from."""
    until = time.monotonic() + 30
    while client.json("/health/ready").get("batch") != batch:
        assert time.monotonic() < until, client.said
        time.sleep(0.05)


@pytest.mark.slow
def test_a_reader_sees_one_batch_a_request_across_publish_rollback_and_clean(tmp_path: Path) -> None:
    """Asking all the time while batches come, go back and are removed: every answer is of one batch, and none is an error."""
    place = Place(tmp_path)
    place.watch(1, "ann")
    place.run()
    seen: list[tuple[str, int, int]] = []
    failed: list[str] = []
    stop = threading.Event()

    def read(client: Client) -> None:
        while not stop.is_set():
            found = client.post(TWO)
            if found.status_code != 200:
                failed.append(found.text)
                continue
            times, popular = (answer["rows"] for answer in found.json()["answers"])
            seen.append((found.json()["batch"], len(times), popular[0]["unique_viewers"]))

    with served(place.out) as client:
        readers = [threading.Thread(target=read, args=(client,)) for _ in range(2)]
        for reader in readers:
            reader.start()
        viewers = {place.current().batch: 1}
        for day in range(2, 7):
            place.watch(day, *(f"u{day}{number}" for number in range(day)))
            place.run()
            viewers[place.current().batch] = list(viewers.values())[-1] + day
            wait_for(client, place.current().batch)
            clean(place.workspace(Settings(keep_batches=1, grace_minutes=0)))
        place.watch(8, "zoe")
        place.run()
        viewers[place.current().batch] = 1 + sum(range(2, 7)) + 1
        wait_for(client, place.current().batch)
        rollback(place.workspace(), "previous")
        viewers[place.current().batch] = 1 + sum(range(2, 7))
        wait_for(client, place.current().batch)
        stop.set()
        for reader in readers:
            reader.join()
    assert failed == []
    assert len({batch for batch, _, _ in seen}) >= 3
    for batch, people, popular in seen:
        assert (batch, people, popular) == (batch, viewers[batch], viewers[batch])


def test_pages_go_on_in_the_batch_that_they_began_in(tmp_path: Path) -> None:
    """A batch published meanwhile is not mixed in; once it is removed and closed, the reader is told to begin again."""
    place = Place(tmp_path)
    place.watch(1, "ann", "bob", "cid")
    place.run()
    first = place.current().batch
    with served(place.out) as client:
        page = client.json("/v1/views/video_total_watch_time?limit=2")
        place.watch(2, "abe", "zoe")
        place.run()
        wait_for(client, place.current().batch)
        rest = client.json(f"/v1/views/video_total_watch_time?limit=2&after={page['next']}")
        assert [row["user_id"] for row in page["rows"] + rest["rows"]] == ["ann", "bob", "cid"]
        assert {page["batch"], rest["batch"]} == {first}
        asked = client.json(f"/v1/views/video_total_watch_time?batch={first}&count=true")
        assert asked["total"] == 3
        clean(place.workspace(Settings(keep_batches=1, grace_minutes=0)))
        client.opened.bases.forget_removed()
        found = client.get(f"/v1/views/video_total_watch_time?limit=2&after={page['next']}")
        refused(found, 410, "batch_gone")


def test_an_older_batch_is_opened_when_it_is_asked_for(tmp_path: Path) -> None:
    """One that this server never answered from, as long as its files are there."""
    place = Place(tmp_path)
    for day, viewer in enumerate(["ann", "bob", "cid"], 1):
        place.watch(day, viewer)
        place.run()
    batches = [manifest.batch for manifest in published(place.storage)]
    with served(place.out) as client:
        for batch, people in zip(batches, (3, 2, 1), strict=True):
            found = client.json(f"/v1/views/video_total_watch_time?batch={batch}&count=true")
            assert (found["batch"], found["total"]) == (batch, people)


def test_after_an_erasure_no_older_batch_is_answered_from(tmp_path: Path) -> None:
    """Who was erased isn't read from what the server still held."""
    place = Place(tmp_path)
    place.watch(1, "ann", "bob")
    place.run()
    before = place.current().batch
    with served(place.out) as client:
        assert client.json("/v1/views/video_total_watch_time?user_id=ann&count=true")["total"] == 1
        erased(place, "ann")
        wait_for(client, place.current().batch)
        assert client.json("/v1/views/video_total_watch_time?user_id=ann&count=true")["total"] == 0
        refused(client.get(f"/v1/views/video_total_watch_time?batch={before}"), 410, "batch_gone")
        until = time.monotonic() + 30
        while left := holding(client.opened.bases.tables.database.folder, b"ann"):
            assert time.monotonic() < until, left
            time.sleep(0.05)


def holding(folder: Path, text: bytes) -> list[Path]:
    """The files below the folder that hold a text."""
    return [file for file in folder.iterdir() if file.is_file() and text in file.read_bytes()]


def erased(place: Place, user_id: str) -> None:
    """Erases a person from events and views."""
    from learnfold.privacy.erase import erase

    erase(place.workspace(), user_id, str(place.master), dry_run=False)


def test_a_server_waits_for_the_first_batch(tmp_path: Path) -> None:
    """It isn't ready before, and answers from it once it is published."""
    place = Place(tmp_path)
    place.out.mkdir()
    with served(place.out) as client:
        assert client.json("/health/live") == {"live": True}
        refused(client.get("/health/ready"), 503, "not_ready")
        refused(client.get("/v1/views/video_popularity"), 503, "not_ready")
        place.watch(1, "ann")
        place.run()
        until = time.monotonic() + 30
        while client.get("/health/ready").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert client.json("/v1/views/video_popularity?count=true")["total"] == 1
        found = refused(client.get("/v1/views/auth_daily_active_users"), 404, "not_found")
        assert "learnfold run auth" in found["hint"]


def test_a_batch_that_cant_be_opened_leaves_the_one_before(tmp_path: Path) -> None:
    """What is wrong is said in the log, and the old answers stay."""
    place = Place(tmp_path)
    place.watch(1, "ann")
    place.run()
    with served(place.out) as client:
        before = place.current().batch
        bases = client.opened.bases
        look, bases.look = bases.look, lambda: None
        place.watch(2, "bob")
        place.run()
        (path,) = place.current().views["video_popularity"].paths
        (place.out / path).write_bytes(b"no Parquet")
        look()
        assert client.json("/health/ready")["batch"] == before
        assert any("can't be opened" in line for line in client.said)
        assert client.json("/v1/views/video_popularity")["rows"][0]["unique_viewers"] == 1


def test_a_view_of_another_definition_isnt_answered(tmp_path: Path) -> None:
    """Its columns aren't what this server would say they are; the others are answered."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = Place(tmp_path)
    place.watch(1, "ann")
    place.run()
    current = place.current()
    record = current.views["video_popularity"]
    pq.write_table(pa.table({"video_id": ["v"], "viewers": [1]}), place.out / record.paths[0])
    record.sha256 = []
    (place.out / f"_batches/{current.batch}/manifest.json").write_bytes(current.to_json())
    with served(place.out) as client:
        refused(client.get("/v1/views/video_popularity"), 503, "outdated")
        assert client.json("/v1/views/video_total_watch_time?count=true")["total"] == 1


def test_a_table_that_is_there_is_read_while_another_is_made(tmp_path: Path) -> None:
    """Small groups are decided for many views at once, for seconds; who reads what is there already doesn't wait for them."""
    place = Place(tmp_path)
    place.watch(1, "ann")
    place.run()
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Tables):
        def take(self, view: View, records: Mapping[str, ViewRecord], form: Form = PLAIN) -> tuple[Wanted, str]:
            if form.least_people:
                begun.set()
                assert go_on.wait(300)
            return super().take(view, records, form)

    view, database = load().view("video_popularity"), Database(Settings())
    base = Base(place.current(), Slow(database, open_storage(str(place.out), Settings()), load().views.values()))
    try:
        there = base.table(view)
        with ThreadPoolExecutor(2) as pool:
            try:
                made = pool.submit(base.table, view, Form(least_people=2))
                assert begun.wait(60)
                assert pool.submit(base.table, view).result(60) == there
            finally:
                go_on.set()
            assert made.result(60) != there
    finally:
        base.close()
        database.close()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"batch": "20250101T000000-00000000"}', b"\xff"])
def test_a_pointer_that_points_nowhere_is_no_batch(tmp_path: Path, content: bytes) -> None:
    """The server isn't ready, and says why in its log."""
    (tmp_path / "_batches").mkdir()
    (tmp_path / "_batches" / "current.json").write_bytes(content)
    with served(tmp_path) as client:
        refused(client.get("/health/ready"), 503, "not_ready")
        assert any("can't be opened" in line for line in client.said) or content == b""
