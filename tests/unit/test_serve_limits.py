"""What the server doesn't let happen: too much, too long, too slow, and headers or cells that are more than text."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from serving import Client, refused, served
from small_place import Place

from learnfold.errors import UsageError
from learnfold.serve import answer, guard, server
from learnfold.serve.paging import cursor
from learnfold.serve.problems import Problem
from learnfold.serve.question import Question
from learnfold.serve.workers import Workers
from learnfold.settings import Settings
from learnfold.telemetry.metrics import SERVING, metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Three viewers, two of them oddly named."""
    place = Place(tmp_path_factory.mktemp("limits"))
    place.watch(1, "ann", "=cmd|' /C calc'!A0", "x\r\nSet-Cookie: a=b")
    place.run()
    return place


@pytest.fixture(scope="module")
def client(place: Place) -> Iterator[Client]:
    """A server of them."""
    with served(place.out) as found:
        yield found


def test_ten_thousand_filters_are_refused(client: Client) -> None:
    """In the address and in a body; so are fewer that are still too many."""
    many = "&".join(["x=1"] * 10_000)
    refused(client.get(f"/v1/views/video_total_watch_time?{many}"), 413, "too_large")
    some = "&".join(["user_id.in=x"] * 1_500)
    refused(client.get(f"/v1/views/video_total_watch_time?{some}"), 413, "too_large")
    query = {"view": "video_total_watch_time", "where": {"user_id": {"in": [str(n) for n in range(1_500)]}}}
    refused(client.post({"queries": [query]}), 413, "too_large")
    refused(client.post({"queries": [{"view": "video_popularity"}] * 21}), 400, "bad_request")


def test_a_body_of_a_gigabyte_is_refused_before_it_is_read(client: Client) -> None:
    """By what it says of its length, and by what comes where it says nothing."""
    headers = {"content-type": "application/json", "content-length": str(2**30)}
    refused(client.ask("POST", "/v1/query", content=b"{}", headers=headers), 413, "too_large")
    taken = 0

    async def endless() -> Any:
        nonlocal taken
        while taken < 100:
            taken += 1
            yield b" " * 65_536

    refused(
        client.ask("POST", "/v1/query", content=endless(), headers={"content-type": "application/json"}),
        413,
        "too_large",
    )
    assert taken < 5


def test_a_body_that_doesnt_come_is_not_waited_for(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some seconds the request is refused."""
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.2)

    async def slow() -> Any:
        yield b"{"
        await asyncio.sleep(30)

    found = client.ask("POST", "/v1/query", content=slow(), headers={"content-type": "application/json"})
    refused(found, 408, "too_slow_request")


def test_a_question_that_takes_too_long_is_interrupted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the server's time limit; the next one is answered."""
    database = client.opened.bases.tables.database
    with pytest.raises(Problem, match="took longer") as raised:
        database.rows("SELECT count(*) FROM range(100000000000) WHERE sin(range) > 2", [], 0.2)
    assert raised.value.code == "timeout"
    assert database.rows("SELECT 1", [], 5) == [(1,)]
    monkeypatch.setattr(answer, "SECONDS", 0.0)
    assert client.get("/v1/views/video_popularity").status_code in {200, 503}


def test_more_than_can_wait_is_told_to_come_back() -> None:
    """With Retry-After; what waits already is answered."""
    release = threading.Event()

    async def ask() -> list[object]:
        workers = Workers(1, 1, "test")
        under_way = [asyncio.ensure_future(workers.do(lambda: release.wait(30))) for _ in range(2)]
        await asyncio.sleep(0.1)
        with pytest.raises(Problem) as raised:
            await workers.do(lambda: True)
        release.set()
        return [raised.value.code, raised.value.headers, await asyncio.gather(*under_way), await workers.do(lambda: 3)]

    assert asyncio.run(ask()) == ["busy", {"Retry-After": "1"}, [True, True], 3]


def test_a_cell_that_a_spreadsheet_would_run_is_text(client: Client) -> None:
    """In CSV it has ' before it, in a page as in an export; JSON has it as it is."""
    for address in ("/v1/views/video_total_watch_time?", "/v1/views/video_total_watch_time/export?"):
        lines = client.get(f"{address}format=csv&select=user_id").text.splitlines()
        assert "'=cmd|' /C calc'!A0" in lines
    rows = client.json("/v1/views/video_total_watch_time?select=user_id")["rows"]
    assert {"user_id": "=cmd|' /C calc'!A0"} in rows


def test_no_value_of_an_address_becomes_a_header(client: Client) -> None:
    """A line break in a filter, a cursor or an id stays what it is."""
    found = client.get("/v1/views/video_total_watch_time?limit=1&format=csv&video_id=v&course_id.ne=%0d%0aX-Evil:%201")
    assert "x-evil" not in found.headers
    assert "\r" not in found.headers["link"]
    page = client.json("/v1/views/video_total_watch_time?limit=2")
    assert "set-cookie" not in client.get(f"/v1/views/video_total_watch_time?limit=2&after={page['next']}").headers


def test_a_cursor_opens_nothing_that_its_question_doesnt(client: Client, place: Place) -> None:
    """Of another question, another order, or made up: refused; with other values it is a place in the same rows."""
    view = client.opened.bases.tables
    page = client.json("/v1/views/video_total_watch_time?limit=1&user_id.ge=a")
    for other in ("user_id.ge=b", "user_id.ge=a&order=-user_id", "user_id.ge=a&as=admin"):
        found = client.get(f"/v1/views/video_total_watch_time?limit=1&{other}&after={page['next']}")
        assert found.status_code in {400, 403}, found.text
    assert view is not None
    question = _question("video_total_watch_time")
    batch = place.current().batch
    for forged in (
        cursor(question, "../../x", [None] * 3),
        cursor(question, batch, [None] * 2),
        cursor(question, batch, [{}] * 3),
    ):
        found = client.get(f"/v1/views/video_total_watch_time?after={forged}")
        assert found.status_code in {400, 410}, found.text
    honest = cursor(question, batch, ["'; DROP TABLE t1.rows; --", None, None])
    assert client.get(f"/v1/views/video_total_watch_time?after={honest}").status_code == 200


def _question(name: str) -> Question:
    from learnfold.catalog import load

    return Question(load().views[name])


def test_a_web_page_cant_ask_through_a_name_of_its_own(client: Client) -> None:
    """With --open only local names are answered to, so that no other site's name leads here."""
    for host, expected in {
        "localhost:8080": 200,
        "127.0.0.1": 200,
        "[::1]:8080": 200,
        "evil.example": 421,
        "": 421,
    }.items():
        found = client.get("/v1/views", headers={"host": host})
        assert (host, found.status_code) == (host, expected)


def test_every_answer_is_kept_from_being_taken_for_something_else(client: Client) -> None:
    """Refusals too: no sniffing, no framing, no referrer, no cookie, and no word of what runs here."""
    for address in ("/v1/views", "/nothing", "/v1/views/video_popularity?x=1"):
        headers = client.get(address).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert not {"set-cookie", "server", "access-control-allow-origin"} & set(headers)


def test_what_fails_within_is_answered_without_a_word_of_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client reads that we failed; the log names the kind of error."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret 42")

    monkeypatch.setattr(client.opened.bases, "pinned", fail)
    found = client.get("/v1/views/video_popularity")
    assert "42" not in json.dumps(refused(found, 500, "internal"))
    assert "error=RuntimeError" in client.said[-1]
    assert "42" not in client.said[-1]


def test_the_audit_log_names_nobody(client: Client) -> None:
    """A line a request says which view by which columns, never which values; no address is in it."""
    client.said.clear()
    client.get("/v1/views/video_total_watch_time?user_id=ann&video_id.in=v")
    client.get("/v1/views/video_total_watch_time/key/ann/v/c")
    client.get("/v1/views/ann")
    client.get("/ann")
    client.post({"queries": [{"view": "video_total_watch_time", "where": {"user_id": "ann"}}]})
    assert len(client.said) == 5
    assert "ann" not in " ".join(client.said).replace("channel", "")
    assert "view=video_total_watch_time caller=open filters=user_id,video_id batch=" in client.said[0]


def test_nobody_is_let_in_by_mistake(place: Place, tmp_path: Path) -> None:
    """--open is for this machine; without it there must be a way of signing in."""
    for more, why in [
        ({"host": "0.0.0.0"}, "--open lets anyone in"),
        ({"host": "::"}, "--open lets anyone in"),
        ({"host": "learnfold.example"}, "--open lets anyone in"),
        ({"open": False}, "nobody could sign in"),
        ({"tokens": str(tmp_path / "t.json")}, "contradict"),
        ({"open": False, "tokens": str(tmp_path / "none.json")}, "there is no file"),
    ]:
        with pytest.raises(UsageError, match=why), served(place.out, **more):
            pass


@contextlib.contextmanager
def on_a_socket(client: Client) -> Iterator[tuple[str, int]]:
    """A real server on a real socket; its address."""
    config = uvicorn.Config(client.opened.app, port=0, http=server.Protocol, log_config=None, lifespan="off", ws="none")
    bound = config.bind_socket()
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]})
    thread.start()
    while not running.started:
        time.sleep(0.01)
    try:
        yield bound.getsockname()
    finally:
        running.force_exit = running.should_exit = True
        thread.join()


def test_a_head_that_isnt_finished_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends half a request's head is let go, others are answered meanwhile."""
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.5)
    with (
        served(tmp_path) as client,
        on_a_socket(client) as address,
        socket.create_connection(address) as slow,
        socket.create_connection(address) as whole,
    ):
        slow.sendall(b"GET /health/live HTTP/1.1\r\nHost: local")
        whole.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        whole.settimeout(20)
        assert whole.recv(4096).startswith(b"HTTP/1.1 200")
        slow.settimeout(20)
        began = time.monotonic()
        assert slow.recv(1) == b""
        assert time.monotonic() - began < 20


@pytest.mark.slow
def test_a_reader_that_takes_nothing_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its request ends, and what waits for it is thrown away: it gets what was on its way, and never the rest."""
    monkeypatch.setattr(server, "SEND_SECONDS", 0.2)
    place = Place(tmp_path)
    place.watch(1, *(f"a viewer with a long name, number {number}" for number in range(100_000)))
    place.run()
    with served(place.out) as client, on_a_socket(client) as address, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(60)
        slow.connect(address)
        slow.sendall(b"GET /v1/views/video_total_watch_time/export HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until = time.monotonic() + 60
        while not any("/export" in line for line in client.said) and time.monotonic() < until:
            time.sleep(0.01)
        head, _, body = slow.recv(65_536).partition(b"\r\n\r\n")
        length, came = int(head.lower().partition(b"content-length: ")[2].split()[0]), len(body)
        with contextlib.suppress(ConnectionResetError):
            while more := slow.recv(65_536):
                came += len(more)
        assert came < length


def test_requests_are_counted_by_route_and_named_by_none(place: Place) -> None:
    """In metrics of the one table: no address, no view, no id is a label."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with served(place.out, settings=Settings(threads=1, metrics_port=port)) as client:
        client.get("/v1/views/video_total_watch_time/key/ann/v/c")
        client.get("/v1/views/video_total_watch_time?user_id=ann")
        client.get("/ann")
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    route = "/v1/views/{view}/key/{key}"
    assert f'learnfold_serve_requests_total{{route="{route}",status="200"}} 1.0' in text
    assert 'learnfold_serve_requests_total{route="none",status="404"} 1.0' in text
    assert "learnfold_serve_batch_published_timestamp_seconds 1" in text
    assert "ann" not in text
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE learnfold_")}
    known = {metric.full_name for metric in metrics_of(SERVING)}
    assert {name for name in names if not name.endswith("_created")} == known
