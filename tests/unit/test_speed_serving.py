"""Answers that are a moment old: what came since the batch counts, and each answer says of what it is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from serving import Client, refused

from learnfold import catalog
from learnfold.batch.request import Scope
from learnfold.dashboard.site import pages
from learnfold.errors import DataError
from learnfold.serve.server import Serving, open_app
from learnfold.settings import Settings
from learnfold.speed.live import Live, Progress
from learnfold.speed.place import Current, Place
from learnfold.speed.reading import FolderFollowing
from learnfold.speed.tick import Reader, Ticks
from promises.streamed import LAYOUT, World
from promises.views import run_job

VIEW = "video_total_watch_time"
KEY = f"/v1/views/{VIEW}/key/u1/v1/c1"


def viewing(number: int, seconds: int = 10, **more: object) -> dict[str, object]:
    """An event of one person and video."""
    about = {
        "event_id": f"e{number}",
        "event_type": "VIDEO_WATCHED",
        "user_id": "u1",
        "video_id": "v1",
        "course_id": "c1",
    }
    return {**about, "timestamp": f"2025-11-01T10:00:{number:02d}Z", "watch_duration_seconds": seconds, **more}


class Followed:
    """A place with one batch and a live state, and what adds to that."""

    def __init__(self, root: Path) -> None:
        self.world = World(root, "video", Settings(threads=1))
        self.state = Place(str(root / "state"))
        self.state.folder.mkdir()
        self.reader = Reader(self.world.settings, LAYOUT)
        self.live: Live | None = None

    def batch(self) -> None:
        """Publishes all that was sent, and hands over to it."""
        base = self.world.batch(self.world.log.ends())
        name = base.folder.name
        base.close()
        base.folder.rename(self.state.folder / name)
        base = self.world.reopened(self.state.folder / name)
        self.close()
        self.live = Live(self.state.folder / f"live-{name}")
        self.live.progress = Progress(positions=base.about.border)
        self.ticks = Ticks(base, self.live, self.reader, self.world.log.fetch)
        self.tick()
        self.state.swap(Current(base.about.batch, name, f"live-{name}", base.about.digest))

    def send(self, *events: dict[str, object]) -> None:
        """Puts events into Kafka."""
        self.world.log.add("video_topic", [(0, event) for event in events], 1)

    def tick(self, complete_until: float = 0.0) -> None:
        """Adds what was sent."""
        ends = self.world.log.ends()

        def note(progress: Progress) -> None:
            progress.complete_until = complete_until

        assert self.live is not None
        self.ticks.add(self.world.log.between(self.live.progress.positions, ends), ends, note)

    def repair(self) -> None:
        """Makes the live state again without the copies that lost."""
        current, before = self.state.current(), self.live
        assert current is not None
        assert before is not None
        self.live = Live(self.state.folder / f"{current.live}-again")
        border = self.ticks.base.about.border
        self.live.progress = Progress(positions=border, left_out=before.progress.losers)
        self.ticks = Ticks(self.ticks.base, self.live, self.reader, self.world.log.fetch)
        self.tick()
        before.close()
        self.state.swap(replace(current, live=f"{current.live}-again"))

    def close(self) -> None:
        """Closes the store."""
        if self.live is not None:
            self.live.close()


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    """One event in a batch."""
    found = Followed(tmp_path)
    found.send(viewing(1))
    found.batch()
    yield found
    found.close()
    found.reader.close()


@pytest.fixture
def client(followed: Followed) -> Iterator[Client]:
    """A server of both."""
    said: list[str] = []
    following = FolderFollowing(str(followed.state.folder), LAYOUT, Settings(threads=1))
    serving = Serving(str(followed.world.root / "out"), open=True, pages=pages)
    opened = open_app(serving, catalog.load(), Settings(threads=1), said.append, following)
    try:
        yield Client(opened, said)
    finally:
        opened.close()


def seconds(client: Client, address: str = KEY) -> float:
    """What was watched in all."""
    return client.json(address)["row"]["total_watch_seconds"]


def test_what_came_counts_at_once_and_once(followed: Followed, client: Client) -> None:
    """A copy of what the batch holds doesn't; the batch alone is there for who asks for it; each answer says which it is."""
    assert seconds(client) == 10
    followed.send(viewing(2, 5), viewing(1))
    followed.tick()
    assert seconds(client) == 15
    assert seconds(client, f"{KEY}?live=off") == 10
    assert client.json(KEY)["live"]["offsets"] == {"video_topic": {"0": 3}}
    assert "live" not in client.json(f"{KEY}?live=off")


def test_several_questions_are_answered_of_one_tick(followed: Followed, client: Client) -> None:
    """Of two views by one request: both have what came."""
    followed.send(viewing(2, 5))
    followed.tick()
    queries = [{"view": VIEW}, {"view": "video_course_metrics"}]
    first, second = client.post({"queries": queries}).json()["answers"]
    assert first["rows"][0]["total_watch_seconds"] == second["rows"][0]["total_course_watch_seconds"] == 15


def test_a_page_counts_what_came(followed: Followed, client: Client) -> None:
    """A course's page, its list of videos and the explanation of a number; the batch alone is an address."""
    address = f"/explain/{VIEW}/total_watch_seconds?key=u1&key=v1&key=c1"
    assert '<p class="big">10</p>' in client.get(address).text
    followed.send(viewing(2, 5), viewing(3, user_id="u2"))
    followed.tick()
    assert '<p class="big">15</p>' in client.get(address).text
    assert '<p class="big">10</p>' in client.get(f"{address}&live=off").text
    for page in ("/c/c1", "/c/c1/videos", "/explore/video_popularity"):
        assert 'class="fresh live' in client.get(page).text
    assert 'data-label="Viewers">2</td>' in client.get("/c/c1/videos").text
    assert 'data-label="Viewers">1</td>' in client.get("/c/c1/videos?live=off").text


def test_who_sent_something_can_wait_for_it(followed: Followed, client: Client) -> None:
    """Until the message is in, there is a refusal; then there is the answer. The first message has the offset 0."""
    refused(client.get(f"{KEY}?at_least=video_topic:0:1&wait=50ms"), 503, "behind")
    followed.send(viewing(2, 5))
    followed.tick()
    assert seconds(client, f"{KEY}?at_least=video_topic:0:1&wait=50ms") == 15
    refused(client.get(f"{KEY}?at_least=video_topic"), 400, "bad_value")
    refused(client.get(f"{KEY}?at_least=video_topic:0:1&wait=1h"), 400, "bad_value")


def test_an_answer_says_how_old_it_is(followed: Followed, client: Client) -> None:
    """Where all that Kafka holds was in long ago, the answer is stale; the freshness tells how far it is."""
    import time

    followed.send(viewing(2))
    followed.tick(time.time() - 100)
    assert int(client.get(KEY).headers["learnfold-stale"]) >= 100
    followed.tick(time.time() + 60)
    assert "learnfold-stale" not in client.get(KEY).headers
    live = client.json("/v1/freshness")["live"]
    assert live["offsets"] == {"video_topic": {"0": 2}}
    assert live["newest_event"] == "2025-11-01T10:00:02.000Z"
    assert live["waiting_for_the_next_batch"] == 0


def test_a_repaired_state_is_answered_from_at_once(followed: Followed, client: Client) -> None:
    """The earlier copy of an event came later: the live state that is made again has it, and readers change over to that."""
    followed.send(viewing(2, 5), viewing(2, 7, timestamp="2025-11-01T09:00:00Z"))
    followed.tick()
    assert seconds(client) == 15
    followed.repair()
    assert seconds(client) == 17


def test_an_answer_that_didnt_change_is_known_by_its_tag(followed: Followed, client: Client) -> None:
    """Though a tick came without messages; not once something changed."""
    tag = client.get(KEY).headers["etag"]
    followed.tick()
    assert client.get(KEY, headers={"If-None-Match": tag}).status_code == 304
    followed.send(viewing(2))
    followed.tick()
    assert client.get(KEY, headers={"If-None-Match": tag}).status_code == 200


def test_pages_of_live_answers_go_on_behind_the_last_row(followed: Followed, client: Client) -> None:
    """Also where rows came meanwhile."""
    followed.send(*(viewing(n, user_id=f"u{n}") for n in range(2, 6)))
    followed.tick()
    found = client.json(f"/v1/views/{VIEW}?limit=2")
    followed.send(viewing(6, user_id="u9"))
    followed.tick()
    rest = client.json(f"/v1/views/{VIEW}?limit=100&after={found['next']}")
    assert [row["user_id"] for row in found["rows"] + rest["rows"]] == ["u1", "u2", "u3", "u4", "u5", "u9"]


def test_a_new_batch_changes_no_number(followed: Followed, client: Client) -> None:
    """What was live is in the batch then."""
    followed.send(viewing(2, 5))
    followed.tick()
    assert seconds(client) == 15
    followed.batch()
    client.opened.bases.look()
    assert seconds(client) == 15
    assert seconds(client, f"{KEY}?live=off") == 15
    followed.send(viewing(3, 1))
    followed.tick()
    assert seconds(client) == 16


def test_the_batch_answers_where_the_live_state_is_of_before_an_erasure(followed: Followed, client: Client) -> None:
    """Until the live state has changed over, nothing of it is shown."""
    out = followed.world.root / "out"
    followed.send(viewing(2, 5))
    followed.tick()
    more = {"scope": Scope(full=True), "action": "erase"}
    run_job(followed.world.root / "master", out, "video", followed.world.settings, **more)
    client.opened.bases.look()
    assert "live" not in client.json(KEY)
    assert seconds(client) == 10


def test_every_view_answers_live(followed: Followed, client: Client) -> None:
    """As a whole, of the subject that is followed; those of others are answered by nothing, as the batch doesn't hold them."""
    followed.send(viewing(2), viewing(3, user_id="u2"))
    followed.tick()
    for view in catalog.load().jobs["video"].views:
        found = client.get(f"/v1/views/{view.name}")
        assert (found.status_code, "live" in found.json()) == (200, True), view.name


def test_what_another_learnfold_keeps_is_not_read(followed: Followed, client: Client) -> None:
    """Its numbers of states mean others: after an upgrade answers stay as they were, or are the batch's, until both are the same again."""
    followed.send(viewing(2, 5))
    followed.tick()
    assert seconds(client) == 15
    current = followed.state.current()
    assert current is not None
    followed.state.swap(replace(current, digest="another", live="live-of-another"))
    assert seconds(client) == 15
    for _ in range(3):
        client.opened.bases.look()
    assert [line.count("made by another learnfold") for line in client.said if "can't be read" in line] == [1]
    with pytest.raises(DataError, match="made by another learnfold"):
        FolderFollowing(str(followed.state.folder), LAYOUT, Settings(threads=1)).now()
    with pytest.raises(DataError, match="other zones"):
        FolderFollowing(str(followed.state.folder), LAYOUT, Settings(reporting_zone="Asia/Tokyo")).now()
    followed.state.swap(current)
    assert seconds(client) == 15
