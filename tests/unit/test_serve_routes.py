"""Who asks for what isn't theirs gets nothing of it, on any route that there is: the table is made from the server's own routes."""

from __future__ import annotations

import asyncio
import io
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from dashboards import addresses, enter, folded, shown
from rules_of_access import STUDENT, TEACHER, bearers, rule
from small_place import Place

from learnfold import catalog
from learnfold.dashboard.pages import PAGES
from learnfold.serve.callers import Caller
from learnfold.serve.sessions import IN_FRAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Client

VIEWS = catalog.load().views
MINE, THEIRS = [f"mine-{n}" for n in range(3)], [f"theirs-{n}" for n in range(3)]
NAMES = re.compile(r"theirs-\d|theircourse")
"""Whatever is said of the course that isn't theirs, or its people, has one of these."""

ANYBODY = {"/health/live", "/health/ready", "/static/{name}", "/sign-in", "/sign-out", "/sign-in/with", "/sign-in/back"}
ANYBODY |= {"/lti/login", "/lti/launch", "/lti/keys"}
"""Routes that know nobody: they say nothing of any course."""

FORMATS = ("json", "ndjson", "csv", "parquet", "arrow")
OUTSIDERS = ("stranger", "student", "teacher", "launched")

ACCESS = """
[lti]
address = "http://localhost"
[[lti.platforms]]
issuer = "https://platform.example"
client_id = "ours"
deployments = ["1"]
login = "https://platform.example/login"
keys = "https://platform.example/keys"
[oidc]
issuer = "http://127.0.0.1:9"
audience = "api"
client_id = "ours"
address = "http://localhost"
"""
ACCESS += STUDENT + TEACHER + rule("all", older_batches=True)


class Asked:
    """A server of two courses, and the headers by which each role asks."""

    def __init__(self, client: Client, place: Place, batches: tuple[str, str]) -> None:
        self.client, self.place, self.batches = client, place, batches
        self.headers: dict[str, dict[str, str]] = {"stranger": {}}

    def answers(self, role: str, route: str) -> Iterator[tuple[str, int, str]]:
        """For each address of the route about the course that isn't theirs: the address, the status and all that is said."""
        for address, body in self.table()[route]:
            if route == "/v1/events":
                yield (address, *asyncio.run(self._first(role, address)))
                continue
            sent: dict[str, Any] = {"headers": self.headers[role]} | ({} if body is None else {"json": body})
            found = self.client.ask("GET" if body is None else "POST", address, **sent)
            yield address, found.status_code, _said(found, address)

    async def _first(self, role: str, address: str) -> tuple[int, str]:
        """The status and the first words of a stream."""
        said: list[Any] = []
        body: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]
        enough = asyncio.Event()
        path, _, query = address.partition("?")
        headers = [(name.encode(), value.encode()) for name, value in self.headers[role].items()]
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
        }
        scope |= {"headers": headers, "client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http"}

        async def receive() -> dict[str, Any]:
            if body:
                return body.pop()
            await enough.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)
            if message.get("body"):
                enough.set()

        await asyncio.wait_for(self.client.opened.app(scope, receive, send), 60)
        return said[0]["status"], b"".join(one.get("body", b"") for one in said).decode()

    def table(self) -> dict[str, list[tuple[str, Any]]]:
        """By route, addresses with the body that is posted there: rows, exports, permalinks, older batches."""
        before, now = self.batches
        found: dict[str, list[tuple[str, Any]]] = {}
        for route, address in addresses("theircourse", THEIRS[0], "theircourse-v", now).items():
            also = [f"batch={now}", f"batch={before}", "as=all", "lang=vi"]
            found[route] = [(address, None), *((f"{address}?{one}", None) for one in also)]
        rows = {name: row for name, row in ((name, self.row(name)) for name in VIEWS) if row}
        assert len(rows) > 20
        found["/v1/views/{view}"] = [
            (f"/v1/views/{name}?{more}", None)
            for name in rows
            for more in (f"batch={before}", f"live=off&format={FORMATS[len(name) % 5]}")
        ]
        found["/v1/views/{view}/export"] = [
            (f"/v1/views/{name}/export?{more}", None)
            for name in rows
            for more in (f"format={FORMATS[len(name) % 5]}", f"format=csv&batch={before}")
        ]
        keys = {name: "/".join(_part(row[one]) for one in VIEWS[name].key) for name, row in rows.items()}
        found["/v1/views/{view}/key/{key:rest}"] = [(f"/v1/views/{name}/key/{key}", None) for name, key in keys.items()]
        found["/v1/query"] = [
            ("/v1/query", {"queries": [{"view": name}]} | more) for name in rows for more in ({}, {"batch": before})
        ]
        found["/v1/explain/{view}/{column}"] = [
            (f"/v1/explain/{name}/{VIEWS[name].columns[0].name}{more}", None)
            for name in rows
            for more in ("", f"?batch={before}")
        ]
        for route in ("/v1/views", "/v1/freshness", "/v1/events", "/openapi.json"):
            found[route] = [(route, None)]
        found["/explain/{view}/{column}"] += [
            (
                f"/explain/{name}/{_number(name)}?"
                + "&".join(f"key={quote(str(row[one]))}" for one in VIEWS[name].key),
                None,
            )
            for name, row in rows.items()
        ]
        return found

    def row(self, name: str) -> dict[str, Any] | None:
        """A row of the published file about the course that isn't theirs, or its people; None where there is none."""
        rows = pq.read_table(self.place.out / name / "part-00000.parquet").to_pylist()
        return next((row for row in rows if NAMES.search(json.dumps(row, default=str))), None)


def _number(name: str) -> str:
    return next(column.name for column in VIEWS[name].columns if not column.key)


def _part(value: object) -> str:
    return "~" if value is None else quote(str(value), safe="")


def _said(found: Any, address: str) -> str:
    """All that an answer says, what it says of its own address aside."""
    kind = found.headers.get("content-type", "")
    if "parquet" in kind and found.status_code == 200:
        return str(pq.read_table(io.BytesIO(found.content)).to_pylist())
    text = found.content.decode("utf-8", "replace")
    for given in sorted(set(NAMES.findall(address)), key=len, reverse=True):
        if found.status_code != 200 or kind.startswith("text/html"):  # an address names them; an answer of rows mustn't
            text = text.replace(given, "")
    return str(text)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """With two batches; a student and a teacher of one course, and one that a platform sent from it."""
    place = Place(tmp_path_factory.mktemp("routes"))
    enter(place, "minecourse", MINE)
    enter(place, "theircourse", THEIRS)
    folded(place)
    before = json.loads(place.storage.read("_batches/current.json"))["batch"]
    enter(place, "theircourse", THEIRS, first=7)
    folded(place)
    now = json.loads(place.storage.read("_batches/current.json"))["batch"]
    (place.root / "access.toml").write_text(ACCESS)
    tokens = place.root / "tokens.json"
    claims = {"student": {"sub": (MINE[0],)}, "teacher": {"courses": ("minecourse",)}, "all": {}}
    headers = bearers(tokens, claims)
    with shown(place.out, open=False, tokens=str(tokens), access=str(place.root / "access.toml")) as client:
        found = Asked(client, place, (before, now))
        found.headers |= headers
        sent = Caller("lti:x", ("all",), {"course": ("minecourse",)}, within={"course_id": ("minecourse",)})
        session = client.opened.sign_in.sessions.begin(lambda: sent)
        found.headers["launched"] = {"cookie": f"{IN_FRAME}={session}"}
        yield found


def test_every_route_is_in_the_table_or_knows_nobody(asked: Asked) -> None:
    """A route that is added is tried, or this fails."""
    routes = {route.path for route in asked.client.opened.app.app.routes}
    assert set(PAGES) < routes
    assert routes == set(asked.table()) | ANYBODY


def test_what_anybody_may_ask_says_nothing_of_a_course(asked: Asked) -> None:
    """Whoever asks, with whatever session."""
    for route in sorted(ANYBODY):
        for role in asked.headers:
            for method in ("GET", "POST"):
                found = asked.client.ask(method, route.replace("{name}", "style.css"), headers=asked.headers[role])
                assert not re.search(r"mine|theirs|theircourse", found.text), (route, role)


RULED = (
    *PAGES,
    "/v1/views",
    "/v1/views/{view}",
    "/v1/views/{view}/export",
    "/v1/views/{view}/key/{key:rest}",
    "/v1/query",
    "/v1/explain/{view}/{column}",
    "/v1/freshness",
    "/v1/events",
    "/openapi.json",
)


@pytest.mark.slow
@pytest.mark.parametrize("role", OUTSIDERS)
@pytest.mark.parametrize("route", RULED)
def test_nothing_is_said_of_a_course_to_who_isn_t_in_it(asked: Asked, route: str, role: str) -> None:
    """A stranger must sign in; others are refused, or get rows that are theirs. Whom a platform sent may see older batches here."""
    for address, status, said in asked.answers(role, route):
        if role == "stranger":
            assert status == (303 if route in PAGES else 401), address
        else:
            assert status in {200, 303, 403, 404}, (address, status, said[:300])
            older = role != "launched" and f"batch={asked.batches[0]}" in address
            if route.startswith("/c/") or (older and route.startswith(("/v1", "/explore/", "/explain/"))):
                assert status in {403, 404}, address
        assert not NAMES.search(said), (address, said[:2_000])


def test_who_may_see_all_is_told_of_it_on_every_route_that_shows_rows(asked: Asked) -> None:
    """So that what is said to others isn't nothing for everyone."""
    for route in RULED:
        told = [(status, bool(NAMES.search(said))) for _, status, said in asked.answers("all", route)]
        if route.startswith(("/v1/views/", "/v1/query")):
            assert (200, True) in told, route
            assert (403, True) not in told
        if route not in {"/health", "/runs/{batch}", "/left-out"}:
            assert any(status == 200 for status, _ in told), route
