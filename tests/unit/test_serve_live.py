"""Answers of a batch and what came since, through the seam that a speed layer fills: here one that reads another folder's rollups."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from following import VIEWS, Reached, Since, Speed, batch_of
from serving import Client, awkward_place, refused, served
from small_place import Place

from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.cli import main
from learnfold.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def asked(place: Place, speed: Speed, **more: Any) -> Iterator[Client]:
    """A server of the place with that speed layer."""
    with served(place.out, following=speed, **more) as client:
        yield client


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Place]:
    """A place, and the same with as many events more."""
    place = awkward_place(tmp_path_factory.mktemp("batch"), 150)
    later = Place(tmp_path_factory.mktemp("later"))
    shutil.copytree(place.master, later.master)
    more = awkward_place(tmp_path_factory.mktemp("more"), 320)
    for file in sorted(more.master.rglob("*.parquet")):
        target = later.master / file.relative_to(more.master).with_name(f"more-{file.name}")
        shutil.copy(file, target)
    run(RunRequest(str(later.master), str(later.out)), catalog.load(), Settings())
    return place, later


@pytest.fixture(scope="module")
def opened(both: tuple[Place, Place]) -> Iterator[tuple[Client, Since]]:
    """A server of the first, to which what the second has more is added live."""
    place, later = both
    since = Since(batch_of(place.out), later.out)
    for client in asked(place, Speed(since)):
        yield client, since


@pytest.fixture
def live(opened: tuple[Client, Since]) -> tuple[Client, Since]:
    """The same, where nothing was said yet of how far it is."""
    opened[1].reached = Reached(opened[1].reached.tick + 1)
    opened[1].without = {}
    return opened


@pytest.fixture(scope="module")
def whole(both: tuple[Place, Place]) -> Iterator[Client]:
    """A server of all events in one batch: what live answers must equal."""
    with served(both[1].out) as client:
        yield client


@pytest.mark.parametrize("name", VIEWS)
def test_live_answers_are_those_of_a_batch_of_all(name: str, live: tuple[Client, Since], whole: Client) -> None:
    """Whole, by key, filtered, ordered and counted; ``live=off`` is the batch alone, and an older batch is too."""
    client, since = live
    view = VIEWS[name]
    measure = view.columns[-1].name
    for what in ("limit=10000", f"order=-{measure}&limit=7&count=true&{measure}.is_null=false"):
        expected, found = whole.json(f"/v1/views/{name}?{what}"), client.json(f"/v1/views/{name}?{what}")
        assert found["rows"] == expected["rows"], what
        assert found.get("total") == expected.get("total")
        assert found["batch"] == since.batch
        assert "live" in found
    off = client.json(f"/v1/views/{name}?limit=10000&live=off")
    assert "live" not in off
    assert "live" not in client.json(f"/v1/views/{name}?batch={since.batch}")
    address = f"/v1/views/{name}/export?format=csv"
    assert client.get(address).content == whole.get(address).content


def test_a_row_by_its_key_says_how_far_it_counts(live: tuple[Client, Since], whole: Client) -> None:
    """Offsets, the newest event and until when all is in, in JSON; in headers for every format."""
    client, since = live
    since.reached.positions = {"video_topic": {0: 17, 1: 4}, "auth_topic": {0: 3}}
    since.reached.complete_until = time.time() - 60
    key = whole.json("/v1/views/video_popularity?limit=1&video_id=u1")["rows"][0]
    address = f"/v1/views/video_popularity/key/{key['video_id']}/{key['course_id'] or '~'}".replace("~u", "~~u")
    found = client.get(address)
    assert found.status_code in {200, 404}
    page = client.get("/v1/views/video_popularity?limit=1")
    about = page.json()["live"]
    assert about["offsets"] == {"video_topic": {"0": 17, "1": 4}}
    assert about["newest_event"] == "2025-12-01T00:00:00.000Z"
    assert int(page.headers["Learnfold-Stale"]) >= 60
    assert len(page.headers["Learnfold-Offsets"]) == 16
    assert client.json("/v1/freshness")["live"]["offsets"] == since.reached.positions | {
        "video_topic": {"0": 17, "1": 4},
        "auth_topic": {"0": 3},
    }


def test_what_is_unchanged_is_304_until_a_message_of_its_topics_comes(live: tuple[Client, Since]) -> None:
    """Another topic's messages change no tag."""
    client, since = live
    tag = client.get("/v1/views/video_popularity").headers["ETag"]
    since.reached.positions = {"auth_topic": {0: 3}}
    since.reached.tick += 1
    assert client.get("/v1/views/video_popularity", headers={"If-None-Match": tag}).status_code == 304
    since.reached.positions = {"video_topic": {0: 1}}
    since.reached.tick += 1
    assert client.get("/v1/views/video_popularity", headers={"If-None-Match": tag}).status_code == 200


def test_ones_own_message_can_be_waited_for(live: tuple[Client, Since]) -> None:
    """It is in, it comes while one waits, or the answer says that it isn't there yet."""
    client, since = live
    since.reached.positions = {"video_topic": {0: 17}}
    ask = "/v1/views/video_popularity?at_least=video_topic:0"
    assert client.get(f"{ask}:16").status_code == 200
    assert refused(client.get(f"{ask}:17&wait=10ms"), 503, "behind")
    timer = threading.Timer(0.2, lambda: since.reached.positions.update({"video_topic": {0: 18}}))
    timer.start()
    assert client.get(f"{ask}:17&wait=10s").status_code == 200
    timer.join()
    refused(client.get(f"{ask}"), 400, "bad_value")
    refused(client.get(f"{ask}:17&wait=11s"), 400, "bad_value")
    refused(client.get(f"{ask}:16&live=off"), 400, "bad_request")


def test_several_questions_are_of_one_position(live: tuple[Client, Since], whole: Client) -> None:
    """As they are of one batch; a view that the batch answers for alone says nothing of live numbers."""
    client, since = live
    since.without = {"video_total_watch_time": "its definition is another"}
    queries = [{"view": name, "limit": 10000} for name in ("video_popularity", "video_total_watch_time")]
    found, expected = (c.post({"queries": queries}).json()["answers"] for c in (client, whole))
    assert found[0]["rows"] == expected[0]["rows"]
    assert found[0]["live"]
    assert "live" not in found[1]
    assert client.json("/v1/freshness")["live"]["without"] == since.without
    assert "live" not in client.post({"queries": queries, "live": False}).json()["answers"][0]


@pytest.mark.slow
def test_small_groups_and_pseudonyms_are_of_the_batch(both: tuple[Place, Place], tmp_path: Path) -> None:
    """Live, every event of a group could be watched as it comes."""
    (tmp_path / "key").write_bytes(b"k" * 32)
    (tmp_path / "access.toml").write_text(
        'pseudonym_key = "key"\n[[rules]]\nrole = "public"\nviews = ["*"]\nrows = "all"\nleast_people = 5\n'
        '[[rules]]\nrole = "analyst"\nviews = ["*"]\nrows = "all"\npseudonyms = true\n'
    )
    place, later = both
    tokens = str(tmp_path / "tokens.json")
    with served(place.out) as plain:
        batch = plain.json("/v1/freshness")["batch"]
    access = {"open": False, "tokens": tokens, "access": str(tmp_path / "access.toml")}
    for role, view in (("public", "video_popularity"), ("analyst", "video_total_watch_time")):
        token = _token(tokens, role)
        for client in asked(place, Speed(Since(batch, later.out)), **access):
            found = client.json(f"/v1/views/{view}", headers={"Authorization": f"Bearer {token}"})
            assert "live" not in found


def _token(tokens: str, role: str) -> str:
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["serve", "token", "--tokens", tokens, "--name", role, "--role", role]) == 0
    return said.getvalue().strip()


def test_a_new_batch_is_answered_from_when_live_numbers_have_caught_up_on_it(tmp_path: Path) -> None:
    """Until then the one before is, with what came since: no number falls. An erasure waits for nothing."""
    place, later = Place(tmp_path / "a"), Place(tmp_path / "b")
    for at in (place, later):
        at.watch(1, "ann")
        at.run()
    later.watch(2, "ann", "bob")
    later.run()
    speed = Speed(Since(batch_of(place.out), later.out))
    for client in asked(place, speed):
        bases = client.opened.bases

        def views(asking: Client = client) -> tuple[str, int]:
            found = asking.json("/v1/views/video_popularity")
            return found["batch"], found["rows"][0]["unique_viewers"]

        first = views()
        assert first[1] == 2
        place.watch(2, "ann", "bob")
        place.run()
        bases.look()
        assert views() == first
        speed.since = Since(batch_of(place.out), later.out)
        bases.look()
        assert views() == (batch_of(place.out), 2)
        place.watch(3, "cid")
        place.run(action="erase")
        bases.look()
        assert views() == (batch_of(place.out), 3)
        assert "live" not in client.json("/v1/views/video_popularity")
    assert speed.closed


def test_a_server_without_a_speed_layer_answers_the_batch(both: tuple[Place, Place]) -> None:
    """And refuses to wait for what can't come."""
    with served(both[0].out) as client:
        assert "live" not in client.json("/v1/views/video_popularity")
        refused(client.get("/v1/views/video_popularity?at_least=video_topic:0:1"), 400, "bad_request")
