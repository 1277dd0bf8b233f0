"""The server: opens the published batch, listens, and drains on SIGTERM."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from learnfold import __version__
from learnfold.errors import LearnfoldError, UsageError
from learnfold.serve.access import Access
from learnfold.serve.api import Api
from learnfold.serve.bases import Bases
from learnfold.serve.code_flow import CodeFlow
from learnfold.serve.database import Database
from learnfold.serve.events import MEDIA_TYPE as EVENT_STREAM
from learnfold.serve.events import Listeners
from learnfold.serve.formats import FORMATS
from learnfold.serve.guard import Guard
from learnfold.serve.launch import Launches
from learnfold.serve.live import Live
from learnfold.serve.oidc import Oidc
from learnfold.serve.problems import MEDIA_TYPE, Problem
from learnfold.serve.proxy import Proxy
from learnfold.serve.routes import routes
from learnfold.serve.rules import AccessFile, read_access
from learnfold.serve.sessions import Sessions
from learnfold.serve.sign_in import SignIn
from learnfold.serve.tables import Tables
from learnfold.serve.tokens import Tokens
from learnfold.serve.workers import Workers
from learnfold.storage import open_storage
from learnfold.telemetry.endpoint import open_numbers
from learnfold.telemetry.metrics import SERVE_INFO, SERVING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.routing import Route
    from starlette.types import ASGIApp

    from learnfold.catalog import Catalog
    from learnfold.serve.live import Following
    from learnfold.settings import Settings

THREADS = 4
QUEUE = 64
DRAIN_SECONDS = 30
HEADER_SECONDS = 10.0
"""A request's head must have arrived by then."""

SEND_SECONDS = 60.0
"""A reader that takes nothing of what waits for so long is hung up on."""

_GZIP_BYTES = 1_000
_PACKED = (EVENT_STREAM, *(one.media_type for one in FORMATS.values() if not one.compressible))
_NOT_FOUND = 404


@dataclass(frozen=True)
class Serving:
    """How to serve."""

    output: str
    open: bool = False
    host: str = "127.0.0.1"
    port: int = 8080
    tokens: str = ""
    access: str = ""
    pages: Callable[[Api], Sequence[Route]] | None = None  # more routes, over the same answers and rules


@dataclass(frozen=True)
class Opened:
    """An application, and what it holds."""

    app: ASGIApp
    bases: Bases
    sign_in: SignIn
    listeners: Listeners
    close: Callable[[], None]


def open_app(
    serving: Serving,
    catalog: Catalog,
    settings: Settings,
    say: Callable[[str], None],
    following: Following | None = None,
) -> Opened:
    """The application; raises UsageError where nobody could, or anybody might, ask it.

    ``following``: a speed layer, whose numbers are added to the batch's; it is closed with the application.
    """
    access = read_access(serving.access, catalog) if serving.access else AccessFile()
    sign_in = _sign_in(serving, access)
    out = open_storage(serving.output, settings)
    if not out.exists():
        raise UsageError(f"there is nothing at {out.url}; 'learnfold run MASTER {out.url}' makes views there")
    numbers = open_numbers(SERVING, settings)
    numbers.show(SERVE_INFO, [SERVE_INFO.of(1, version=__version__)])
    database = Database(settings)
    bases = Bases(out, catalog, Tables(database, out, catalog.views.values()), say, numbers)
    small, whole = Workers(THREADS, QUEUE, "learnfold-small"), Workers(1, THREADS, "learnfold-whole")

    listeners = Listeners(small)

    def close() -> None:
        listeners.stop()
        small.close()
        whole.close()
        bases.stop()
        database.close()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(close)

    if following is not None:
        bases.live = Live(following, database, say)
    api = Api(bases, database, Access(catalog, access.rules, access.operators), sign_in, small, whole, listeners)
    app = Starlette(
        routes=[*routes(api), *(serving.pages(api) if serving.pages else ())],
        middleware=[
            Middleware(GZipMiddleware, minimum_size=_GZIP_BYTES, compresslevel=5, exclude_content_types=_PACKED)
        ],
        exception_handlers={Problem: _refused, HTTPException: _no_route, LearnfoldError: _failed, Exception: _broken},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    bases.start()
    return Opened(Guard(app, say, numbers, local_only=serving.open), bases, sign_in, listeners, close)


def serve(
    serving: Serving,
    catalog: Catalog,
    settings: Settings,
    say: Callable[[str], None],
    following: Following | None = None,
) -> None:
    """Serves until it is told to stop; then answers what is under way, and nothing new."""
    if not 0 <= serving.port < 65_536:  # noqa: PLR2004
        raise UsageError(f"--port {serving.port}: a port is a number from 0 to 65535")
    opened = open_app(serving, catalog, settings, say, following)
    config = uvicorn.Config(
        opened.app,
        host=serving.host,
        port=serving.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=Protocol,
        ws="none",
        timeout_keep_alive=15,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    try:
        listening = config.bind_socket()
    except SystemExit:
        opened.close()
        raise UsageError(f"{serving.host}:{serving.port} can't be listened on; name another --port") from None
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if listening.family == socket.AF_INET6 else host
    server = _Server(config, opened.listeners, lambda: say(f"listening on http://{shown}:{port}"))
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again, once all is answered
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says when it can be reached, and ends the streams of events before it waits for what is under way."""

    def __init__(self, config: uvicorn.Config, listeners: Listeners, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._listeners, self._ready = listeners, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens; only then a connection isn't refused."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops listening, and waits for what is under way."""
        self._listeners.stop()
        await super().shutdown(sockets)


class Protocol(HttpToolsProtocol):
    """HTTP that hangs up on who doesn't finish a request's head, or doesn't read the answer."""

    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Counts from the first byte that could come."""
        super().connection_made(transport)
        self._head = self.loop.call_later(HEADER_SECONDS, transport.close)

    def on_message_begin(self) -> None:
        """Counts again for the next request on the same connection."""
        super().on_message_begin()
        self._head.cancel()
        self._head = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def on_headers_complete(self) -> None:
        """Stops counting: the body has its own time."""
        self._head.cancel()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Counts while more waits than the connection holds; closing would wait for the reader, so what waits is thrown away."""
        super().pause_writing()
        self._unread = self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stops counting: the reader has taken some."""
        if self._unread is not None:
            self._unread.cancel()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._head.cancel()
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)


def _sign_in(serving: Serving, access: AccessFile) -> SignIn:
    if serving.open:
        if not _is_loopback(serving.host):
            raise UsageError(
                f"--open lets anyone in who can reach {serving.host}; it is for this machine alone: leave --host out, "
                "or have people sign in (--tokens FILE, --access FILE)"
            )
        if serving.tokens or serving.access:
            raise UsageError("--open and signing in contradict each other; leave --open out, or --tokens and --access")
        return SignIn(open=True)
    if not (serving.tokens or access.oidc or access.proxy or access.lti):
        raise UsageError(
            "nobody could sign in: give --tokens FILE ('learnfold serve token --tokens FILE --name NAME' makes it), "
            "--access FILE with [oidc], [proxy] or [lti], or --open to let everyone on this machine see everything"
        )
    bearer = {name: access.oidc[name] for name in ("issuer", "audience", "roles") if name in access.oidc}
    flow = _flow(access.oidc) if "client_id" in access.oidc else None
    return SignIn(
        tokens=Tokens(serving.tokens) if serving.tokens else None,
        oidc=Oidc(**bearer) if bearer else None,
        proxy=Proxy(**access.proxy) if access.proxy else None,
        flow=flow,
        launches=Launches(access.lti) if access.lti else None,
        sessions=Sessions() if serving.tokens or flow or access.lti else None,
    )


def _flow(about: Mapping[str, Any]) -> CodeFlow:
    """The provider's id tokens are for the client, whatever its access tokens are for."""
    roles = {"roles": about["roles"]} if "roles" in about else {}
    oidc = Oidc(about["issuer"], about["client_id"], **roles)
    return CodeFlow(oidc, about["client_id"], about.get("client_secret", ""), about["address"])


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _refused(_request: Request, error: Exception) -> Response:
    problem = error if isinstance(error, Problem) else Problem("internal", "learnfold failed")
    return Response(problem.body(), problem.status, problem.headers, MEDIA_TYPE)


async def _no_route(request: Request, error: Exception) -> Response:
    if getattr(error, "status_code", _NOT_FOUND) == _NOT_FOUND:
        return await _refused(request, Problem("not_found", "there is no such address", "/openapi.json lists them"))
    detail = f"this address doesn't know {request.method[:20]}"
    return await _refused(
        request, Problem("method_not_allowed", detail, "", dict(getattr(error, "headers", None) or {}))
    )


async def _failed(request: Request, error: Exception) -> Response:
    """A storage that can't be read, or the like: it may be there again in a moment."""
    request.state.error = type(error).__name__
    problem = Problem("not_ready", "what is asked can't be read now", "ask again in a moment", {"Retry-After": "5"})
    return await _refused(request, problem)


async def _broken(request: Request, error: Exception) -> Response:
    """Our fault: a client is told that we failed, never how."""
    request.state.error = type(error).__name__
    return await _refused(request, Problem("internal", "learnfold failed", "the server's log names the error"))
