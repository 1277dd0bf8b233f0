"""A small learning record store that speaks xAPI over HTTP, for what a real one can't be made to do: pages of any size, faults at will."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)

Answer = tuple[int, dict[str, str], bytes]


def statement(number: int) -> dict[str, Any]:
    """A statement that is one event, told by its number."""
    return {
        "id": str(uuid.UUID(int=number + 1)),
        "actor": {"account": {"homePage": "https://lms.example", "name": f"user{number % 7}"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/registered"},
        "object": {
            "id": "https://lms.example/courses/c1",
            "definition": {"type": "http://adlnet.gov/expapi/activities/course"},
        },
        "timestamp": (BEGIN + timedelta(seconds=number)).isoformat(),
    }


@dataclass
class SmallLrs:
    """Statements in the order in which they were stored; ``faults`` are answers that are given first, None cuts the connection."""

    page: int = 3
    ascending: bool = True  # whether it heeds what it is asked
    said: str | None = None  # up to when it says that it is complete
    key: str | None = None  # KEY:SECRET that it asks for
    held: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Answer | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    links: bool = True  # whether it remembers the links that it gave

    def store(self, *some: dict[str, Any], at: datetime) -> None:
        """Statements are stored at one instant; others may have been stored later already."""
        self.held += [one | {"stored": at.isoformat(timespec="milliseconds")} for one in some]
        self.held.sort(key=lambda one: one["stored"])

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/xAPI"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, authorization: str | None) -> Answer | None:
        """What is answered to a request."""
        self.asked.append(path)
        if self.faults:
            return self.faults.pop(0)
        if self.key is not None and authorization != f"Basic {base64.b64encode(self.key.encode()).decode()}":
            return 401, {}, b"{}"
        parts = urlsplit(path)
        if parts.path != "/xAPI/statements":
            return 404, {}, b"{}"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if "more" in query and not self.links:
            return 404, {}, b"{}"
        found = [one for one in self.held if "since" not in query or _later(one["stored"], query["since"])]
        if not self.ascending:
            found.reverse()
        start = int(query.get("more", 0))
        some = found[start : start + self.page]
        further = {name: query[name] for name in ("since",) if name in query} | {"more": start + self.page}
        more = f"/xAPI/statements?{urlencode(further)}" if start + self.page < len(found) else ""
        headers = {"X-Experience-API-Consistent-Through": self.said} if self.said else {}
        return 200, headers, json.dumps({"statements": some, "more": more}).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                found = answer(self.path, self.headers.get("Authorization"))
                if found is None:
                    self.close_connection = True
                    return
                status, headers, body = found
                self.send_response(status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | headers
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                if int(headers["Content-Length"]) != len(body):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler


def _later(stored: str, since: str) -> bool:
    return datetime.fromisoformat(stored) > datetime.fromisoformat(since)
