"""Who listens is told which views changed, of those that they may see, and nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from serving import listening, refused, served
from small_place import Place

from learnfold import catalog
from learnfold.serve.access import Grant
from learnfold.serve.events import MOST_LISTENERS, Listener
from learnfold.serve.forms import Form

if TYPE_CHECKING:
    from collections.abc import Iterator

VIEWS = catalog.load().views
VIDEO = {name for name, view in VIEWS.items() if view.job == "video"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with one batch."""
    made = Place(tmp_path)
    made.watch(1, "ann")
    made.run()
    return made


def all_views() -> list[tuple[Any, Grant]]:
    """Every view, as it is."""
    return [(view, Grant()) for view in VIEWS.values()]


def test_a_new_batch_names_the_views_whose_rows_changed(place: Place) -> None:
    """One whose rows are what they were isn't named, though it was computed again."""
    with served(place.out) as client:
        listener = Listener(client.opened.bases, all_views)
        (first,) = listener.news()
        assert first["id"] == place.current().batch
        assert first["data"]["views"] == []
        assert listener.news() == []
        place.watch(1, "ann", event_type="NOTHING_THAT_COUNTS")
        place.watch(1, "ann", seconds=0, watch_duration_seconds=0)
        place.run()
        client.opened.bases.look()
        (event,) = listener.news()
        changed = set(event["data"]["views"])
        assert (event["event"], event["id"]) == ("batch", place.current().batch)
        assert "video_popularity" in changed
        assert changed < VIDEO or changed == VIDEO
        assert listener.news() == []


def test_who_comes_back_is_told_what_changed_meanwhile(place: Place) -> None:
    """By the batch that it knew; where that is gone, all may have changed."""
    first = place.current().batch
    place.watch(2, "bob")
    place.run()
    with served(place.out) as client:
        (known,) = Listener(client.opened.bases, all_views, first).news()
        (same,) = Listener(client.opened.bases, all_views, place.current().batch).news() or [{"data": {"views": []}}]
        (gone,) = Listener(client.opened.bases, all_views, "20250101T000000-00000000").news()
    assert set(known["data"]["views"]) <= set(gone["data"]["views"]) == VIDEO
    assert same["data"]["views"] == []


def test_who_sees_no_small_groups_isnt_told_which_views_changed(place: Place) -> None:
    """All are named at every batch: that one changed could tell that one person did something."""
    some = [(VIEWS["video_popularity"], Grant(form=Form(least_people=5)))]
    with served(place.out) as client:
        listener = Listener(client.opened.bases, lambda: some, place.current().batch)
        listener.news()
        place.watch(1, "ann", event_type="NOTHING_THAT_COUNTS")
        place.run()
        client.opened.bases.look()
        assert [event["data"]["views"] for event in listener.news()] == [["video_popularity"]]


def test_only_views_that_may_be_seen_are_named(place: Place) -> None:
    """Rules are asked again for every event."""
    seen = [(VIEWS["video_popularity"], Grant())]
    with served(place.out) as client:
        listener = Listener(client.opened.bases, lambda: seen, "20250101T000000-00000000")
        assert listener.news()[0]["data"]["views"] == ["video_popularity"]
        place.watch(2, "bob")
        place.run()
        client.opened.bases.look()
        seen.clear()
        assert listener.news()[0]["data"]["views"] == []


class Numbers:
    """Live numbers that reached a position."""

    def __init__(self) -> None:
        self.tick, self.waiting, self.watermark, self.complete_until = 1, 0, None, 0.0
        self.positions: dict[str, dict[int, int]] = {"video_topic": {0: 1}, "auth_topic": {0: 1}}

    def look(self, _current: object, _published: object) -> bool:
        return False

    def progress(self, _batch: str) -> Numbers:
        return self

    def without(self, _batch: str) -> dict[str, str]:
        return {"video_total_watch_time": "its definition is another"}

    def close(self) -> None:
        """Nothing is held."""


def test_live_news_name_the_views_of_topics_that_moved(place: Place) -> None:
    """Not those that the batch answers for alone, nor small groups, nor of other topics."""
    with served(place.out) as client:
        numbers = Numbers()
        client.opened.bases.live = numbers  # type: ignore[assignment]
        listener = Listener(client.opened.bases, all_views)
        small = Listener(client.opened.bases, lambda: [(v, Grant(form=Form(least_people=5))) for v, _ in all_views()])
        assert [event["event"] for event in listener.news()] == ["batch"]
        assert [event["event"] for event in small.news()] == ["batch"]
        numbers.positions = {"video_topic": {0: 2}, "other_topic": {0: 1}}
        (event,) = listener.news()
        assert event["event"] == "live"
        told = {
            v.name for v in catalog.load().views.values() if any(r.topic.name == "video_topic" for r in v.all_rollups)
        }
        assert told > VIDEO
        assert set(event["data"]["views"]) == told - {"video_total_watch_time"}
        assert event["data"]["live"]["offsets"] == {"video_topic": {"0": 2}}
        assert listener.news() == []
        assert small.news() == []


@pytest.fixture
def address(place: Place) -> Iterator[str]:
    """Where a server of the place listens."""
    yield from listening(place)


def events(response: httpx.Response) -> Iterator[dict[str, str]]:
    """The events of a stream, as they come."""
    event: dict[str, str] = {}
    for line in response.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield event
            event = {}


def test_a_stream_tells_of_a_batch_as_it_is_published(place: Place, address: str) -> None:
    """As server-sent events, which a browser reads by itself."""
    with httpx.stream("GET", f"{address}/v1/events", timeout=60) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = events(response)
        assert next(stream)["id"] == place.current().batch
        place.watch(2, "bob")
        place.run()
        event = next(stream)
    assert event["id"] == place.current().batch
    assert set(json.loads(event["data"])["views"]) <= VIDEO


def test_what_cant_be_listened_to_is_refused(place: Place) -> None:
    """A batch's name that is none, an unknown parameter, and one listener too many."""
    with served(place.out) as client:
        refused(client.get("/v1/events?since=yesterday"), 400, "bad_value")
        refused(client.get("/v1/events?view=x"), 400, "unknown_parameter")
        for _ in range(MOST_LISTENERS):
            client.opened.listeners.enter()
        refused(client.get("/v1/events"), 503, "busy")


def test_a_server_that_is_stopped_ends_its_streams(place: Place) -> None:
    """It doesn't wait for listeners, who would never leave."""
    command = [sys.executable, "-m", "learnfold", "serve", str(place.out), "--open", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        line = next(line for line in server.stderr if "listening on" in line)
        with httpx.stream("GET", f"{line.split()[-1]}/v1/events", timeout=60) as response:
            stream = events(response)
            assert next(stream)["event"] == "batch"
            server.send_signal(signal.SIGTERM)
            assert list(stream) == []
        assert server.wait(60) in {0, -signal.SIGTERM}
