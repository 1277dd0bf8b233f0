"""A proxy before a real S3 server that loses, cuts, delays or refuses what a test tells it to."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from services.stack.s3 import S3Server

Refreshed = Callable[[str, str], bool]
"""Whether a request (its method, and its path with the query) is meant."""


@dataclass
class Fault:
    """What happens to the next ``times`` requests that are meant."""

    kind: str  # refuse: 503; drop: no answer, not forwarded; lose: forwarded, no answer; cut: half an answer; hang: no answer for long
    meant: Refreshed
    times: int = 1
    met: int = 0


@dataclass
class FaultyS3:
    """Passes everything on but what a fault is for; ``strip`` names headers that it removes."""

    server: S3Server
    strip: tuple[str, ...] = ()
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)  # all requests, as Asked gets them
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self._released = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.proxy = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def endpoint(self) -> str:
        """Where clients go."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def next(self, kind: str, meant: Refreshed, times: int = 1) -> Fault:
        """The next ``times`` requests that are meant fail."""
        fault = Fault(kind, meant, times)
        with self._lock:
            self.faults.append(fault)
        return fault

    def fault_for(self, method: str, path: str) -> str | None:
        """The fault that this request meets."""
        with self._lock:
            self.seen.append((method, path))
            for fault in self.faults:
                if fault.met < fault.times and fault.meant(method, path):
                    fault.met += 1
                    return fault.kind
        return None

    def count(self, by: int) -> None:
        """Requests under way are one more or one less."""
        with self._lock:
            self._under_way += by
            self.most_at_once = max(self.most_at_once, self._under_way)

    def hang(self) -> None:
        """Waits until the test is over."""
        self._released.wait(60)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: FaultyS3

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Says nothing."""

    def _pass_on(self) -> None:
        proxy = self.server.proxy
        proxy.count(1)
        try:
            self._answer(proxy)
        finally:
            proxy.count(-1)

    def _answer(self, proxy: FaultyS3) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = proxy.fault_for(self.command, self.path)
        if kind == "hang":
            proxy.hang()
        if kind in {"drop", "hang"}:
            self.close_connection = True
            return
        if kind == "refuse":
            self.send_response(503, "Slow Down")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        status, headers, content = self._forward(proxy, body)
        if kind == "lose":
            self.close_connection = True
            return
        if kind == "cut" and not content:
            self.wfile.write(f"HTTP/1.1 {status}".encode())
            self.close_connection = True
            return
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = next((value for name, value in headers if name.lower() == "content-length"), str(len(content)))
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        if kind == "cut":
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        self.wfile.write(content)

    def _forward(self, proxy: FaultyS3, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.server.port, timeout=60)
        try:
            path = self.path if self.path.startswith("/") else "/" + self.path.split("/", 3)[3]  # asked as a proxy
            connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"connection", *proxy.strip}:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815 - their names in the standard library
