"""What stands before every request: limits, the audit log, and answers to whatever goes wrong.

Plain ASGI, so that nothing of a request is held longer than it must be.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from learnfold.serve.problems import MEDIA_TYPE, Problem
from learnfold.telemetry.endpoint import Numbers
from learnfold.telemetry.metrics import SERVE_BYTES, SERVE_REQUESTS, SERVE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 65_536
MOST_QUERY_BYTES = 32_768
BODY_SECONDS = 10.0
"""A request's body must have arrived by then."""

_HEADERS = [  # of every answer that doesn't say otherwise itself
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


@dataclass
class Guard:
    """Wraps an application."""

    app: ASGIApp
    say: Callable[[str], None]  # takes a line of the audit log
    numbers: Numbers = field(default_factory=Numbers)
    local_only: bool = False  # whether only local names are answered to: else a web page could ask through its own name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, and says so in the audit log."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        about: dict[str, Any] = scope.setdefault("state", {})
        sent = _Sending(send, about)
        try:
            self._check(scope)
            await self.app(scope, _limited(receive), sent)
        except Problem as problem:
            await sent.problem(problem)
        except (ConnectionError, TimeoutError):
            about["cut"] = True
            if sent.status:
                raise
        except Exception as error:  # noqa: BLE001 - a client is told that we failed, never how
            about["error"] = type(error).__name__
            await sent.problem(Problem("internal", "learnfold failed", "the server's log names the error"))
        finally:
            seconds = time.perf_counter() - began
            self._count(str(about.get("route", "none")), sent, seconds)
            self.say(_line(scope, about, sent, seconds))

    def _count(self, route: str, sent: _Sending, seconds: float) -> None:
        self.numbers.add(SERVE_REQUESTS.of(1, route=route, status=str(sent.status or "cut")))
        self.numbers.add(SERVE_BYTES.of(sent.bytes, route=route))
        self.numbers.observe(SERVE_SECONDS.of(seconds, route=route))

    def _check(self, scope: Scope) -> None:
        if len(scope["query_string"]) > MOST_QUERY_BYTES:
            raise Problem("too_large", f"the address is longer than {MOST_QUERY_BYTES} bytes", "ask by POST /v1/query")
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 18 or int(length) > MOST_BODY_BYTES:  # noqa: PLR2004
            raise Problem("too_large", f"the body is larger than {MOST_BODY_BYTES} bytes", "ask in parts")
        if self.local_only and not _local(headers.get(b"host", b"").decode("latin-1")):
            raise Problem("wrong_host", "with --open this server answers to localhost only", "sign-in makes it public")


class _Sending:
    """What is sent, with the headers that every answer has."""

    def __init__(self, send: Send, about: dict[str, Any]) -> None:
        self._send, self._about = send, about
        self.status, self.bytes = 0, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            said = {name.lower() for name, _ in message.get("headers", [])}
            policy = f"default-src 'none'; {frame_ancestors(self._about.get('frames', ()))}"
            always = [*_HEADERS, (b"content-security-policy", policy.encode())]
            more = [(name, value) for name, value in always if name not in said]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        else:
            self.bytes += len(message.get("body", b""))
        await self._send(message)

    async def problem(self, problem: Problem) -> None:
        """Answers with a problem, unless an answer is under way already."""
        if self.status:
            return
        body = problem.body()
        headers = [(name.encode(), value.encode()) for name, value in problem.headers.items()]
        headers += [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await self({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def frame_ancestors(frames: Sequence[str]) -> str:
    """The part of a policy that says whose pages may show an answer in a frame: these origins, or nobody's."""
    return "frame-ancestors " + (" ".join(frames) or "'none'")


def _limited(receive: Receive) -> Receive:
    """A body of at most so many bytes, within so many seconds."""
    left, deadline, whole = MOST_BODY_BYTES, time.monotonic() + BODY_SECONDS, False

    async def limited() -> Message:
        nonlocal left, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.001)):
                message = await receive()
        except TimeoutError as error:
            raise Problem("too_slow_request", f"the body didn't arrive within {BODY_SECONDS:g} s") from error
        if message["type"] == "http.request":
            left -= len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if left < 0:
                raise Problem("too_large", f"the body is larger than {MOST_BODY_BYTES} bytes", "ask in parts")
        return message

    return limited


def _local(host: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]")
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _line(scope: Scope, about: dict[str, Any], sent: _Sending, seconds: float) -> str:
    """One line of the audit log: who, what and how much; no address, no value of a filter, so that it names nobody."""
    parts = {
        "method": scope["method"] if scope["method"] in {"GET", "HEAD", "POST"} else "OTHER",
        "route": about.get("route", "none"),
        "view": about.get("view"),
        "caller": about.get("caller"),
        "role": about.get("role"),
        "filters": ",".join(about.get("filters", ())) or None,
        "batch": about.get("batch"),
        "status": sent.status or "cut",
        "bytes": sent.bytes,
        "ms": round(seconds * 1000, 1),
        "error": about.get("error"),
    }
    return "request " + " ".join(f"{name}={value}" for name, value in parts.items() if value is not None)
