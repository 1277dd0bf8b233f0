"""A server of a small place, asked without a network: for tests of what it answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow as pa
import uvicorn
from small_place import Place

from learnfold import catalog
from learnfold.batch.request import RunRequest
from learnfold.batch.run import run
from learnfold.serve import server
from learnfold.serve.server import Opened, Serving, open_app
from learnfold.settings import Settings
from promises.messages import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from learnfold.catalog import Topic
    from learnfold.serve.live import Following


@dataclass
class Client:
    """Asks an application as a client would."""

    opened: Opened
    said: list[str] = field(default_factory=list)
    peer: str = "127.0.0.1"

    def ask(self, method: str, address: str, **about: Any) -> httpx.Response:
        """One request, to its end; ``address`` goes out as it is."""
        return asyncio.run(self._ask(method, address, about))

    async def _ask(self, method: str, address: str, about: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.opened.app, raise_app_exceptions=False, client=(self.peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, address, **about)

    def get(self, address: str, **about: Any) -> httpx.Response:
        """A GET."""
        return self.ask("GET", address, **about)

    def json(self, address: str, **about: Any) -> Any:
        """What a GET that goes well answers."""
        found = self.get(address, **about)
        assert found.status_code == 200, found.text
        return found.json()

    def post(self, value: object, **about: Any) -> httpx.Response:
        """A POST to /v1/query."""
        return self.ask("POST", "/v1/query", json=value, **about)


@contextlib.contextmanager
def served(
    output: object, settings: Settings | None = None, following: Following | None = None, **more: Any
) -> Iterator[Client]:
    """A server of what lies at ``output``, open unless told otherwise; ``following``: the speed layer that it adds."""
    said: list[str] = []
    serving = Serving(str(output), **({"open": True} | more))
    opened = open_app(serving, catalog.load(), settings or Settings(threads=1), said.append, following)
    try:
        yield Client(opened, said)
    finally:
        opened.close()


def refused(found: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, which must be this one."""
    assert found.headers["content-type"] == "application/problem+json", found.text
    value = found.json()
    assert (found.status_code, value["code"]) == (status, code), value
    assert value["status"] == status
    return value


AWKWARD = [
    "u1",
    "u2",
    "~",
    "~u",
    "a/b",
    "=1+1",
    "-2",
    "\u00fc \u6f22",
    'q"uo,te',
    "100%",
    "x&y=z",
    "two\nlines",
    "'; DROP TABLE t; --",
]
"""Ids that an address, a CSV or SQL might take for something else."""


def awkward_place(root: Path, events: int = 300) -> Place:
    """A place with all views, over events of few days whose ids are awkward, some of them missing."""
    place, chance = Place(root), random.Random(17)
    for topic in catalog.load().topics.values():
        rows = [_event(topic, chance, number) for number in range(events)]
        place.add(topic.name, pa.Table.from_pylist(rows))
    run(RunRequest(str(place.master), str(place.out)), catalog.load(), Settings())
    return place


def _event(topic: Topic, chance: random.Random, number: int) -> dict[str, object]:
    event: dict[str, object] = {}
    for one in topic.sent:
        if one.name == "timestamp":
            event[one.name] = f"2025-12-{chance.randint(1, 4):02d} {chance.randint(0, 23):02d}:00:00.{number:06d}"
        elif one.name == "event_type":
            event[one.name] = chance.choice(TYPES[topic.name])
        elif one.name == "event_id":
            event[one.name] = f"{topic.name}-{number}"
        elif one.type == "VARCHAR":
            event[one.name] = chance.choice(AWKWARD if one.required else [None, *AWKWARD[:6]])
        elif one.type == "VARCHAR[]":
            event[one.name] = chance.choice([None, ["email"], ["=phone", "email"]])
        else:
            event[one.name] = chance.choice([None, chance.randint(0, 400)])
    return event


def listening(place: Place, **more: Any) -> Iterator[str]:
    """A server of the place, on a port of this machine."""
    with served(place.out, **more) as client:
        config = uvicorn.Config(
            client.opened.app, port=0, http=server.Protocol, log_config=None, lifespan="off", ws="none"
        )
        bound = config.bind_socket()
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]})
        thread.start()
        while not running.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        running.should_exit = True
        thread.join()
        bound.close()
