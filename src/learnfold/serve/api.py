"""The routes: each reads a request, asks one function and answers in the format that was asked for."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode

from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from learnfold.serve import formats, live
from learnfold.serve.answer import SECONDS, Page, columns_of, page, select
from learnfold.serve.bases import BATCH
from learnfold.serve.events import MEDIA_TYPE as EVENT_STREAM
from learnfold.serve.events import Listener, Listeners
from learnfold.serve.explain import described, explained, freshness
from learnfold.serve.export import export
from learnfold.serve.openapi import openapi
from learnfold.serve.paging import read_cursor
from learnfold.serve.problems import Problem
from learnfold.serve.question import Filter, Question, read_json_question, read_question
from learnfold.serve.values import read_value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from starlette.requests import Request

    from learnfold.catalog import View
    from learnfold.serve.access import Access, Grant
    from learnfold.serve.bases import Base, Bases
    from learnfold.serve.callers import Caller
    from learnfold.serve.database import Database
    from learnfold.serve.rows import Rows
    from learnfold.serve.sign_in import SignIn
    from learnfold.serve.workers import Workers

MOST_QUERIES = 20
_POLL_SECONDS = 0.02
"""Between two looks at whether a message is in."""

NULL = "~"
"""A key that is NULL, in an address; a text that begins with it is written with one more."""


class _Rest(Convertor[str]):
    """The rest of a path, whatever is in it: a key may hold a line break."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("rest", _Rest())

_PAGE_FORMATS = tuple(formats.FORMATS)


@dataclass(frozen=True)
class Api:
    """What the routes need."""

    bases: Bases
    database: Database
    access: Access
    sign_in: SignIn
    small: Workers
    whole: Workers
    listeners: Listeners

    def routes(self) -> list[Route]:
        """Every address, and the function that answers it."""
        return [
            Route("/v1/views", self._views),
            Route("/v1/views/{view}", self._view),
            Route("/v1/views/{view}/export", self._export),
            Route("/v1/views/{view}/key/{key:rest}", self._key),
            Route("/v1/query", self._query, methods=["POST"]),
            Route("/v1/explain/{view}/{column}", self._explain),
            Route("/v1/freshness", self._freshness),
            Route("/v1/events", self._events),
            Route("/openapi.json", self._openapi),
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
        ]

    async def _views(self, request: Request) -> Response:
        caller = await self._caller(request, "/v1/views")
        role = _only(request, "as")

        def answer() -> tuple[dict[str, Any], str]:
            with self.bases.pinned() as base:
                views = [
                    described(view, grant.form.columns(view))
                    for view, grant in self._visible(caller, role)
                    if view.name in base.manifest.views
                ]
                return {"batch": base.batch, "views": views}, base.batch

        value, answered = await self.small.do(answer)
        return _json(request, value, answered)

    async def _view(self, request: Request) -> Response:
        caller = await self._caller(request, "/v1/views/{view}")
        _, grant, question = self._asked(request, caller)
        chosen = formats.chosen(request.headers.get("accept", ""), _one(request, "format"), _PAGE_FORMATS)
        await self._awaited(question, grant)
        return await self.small.do(lambda: self._page(request, grant, question, chosen))

    async def _key(self, request: Request) -> Response:
        caller = await self._caller(request, "/v1/views/{view}/key/{key}")
        view, grant, question = self._asked(request, caller)
        chosen = formats.chosen(request.headers.get("accept", ""), _one(request, "format"), _PAGE_FORMATS)
        question = replace(question, filters=(*question.filters, *_key_filters(request, view)), limit=1)
        await self._awaited(question, grant)
        return await self.small.do(lambda: self._page(request, grant, question, chosen, by_key=True))

    async def _export(self, request: Request) -> Response:
        caller = await self._caller(request, "/v1/views/{view}/export")
        _, grant, question = self._asked(request, caller)
        if question.after is not None or question.count or _one(request, "limit") is not None:
            raise Problem("bad_request", "an export is the whole: it has no pages", "leave after, limit and count out")
        chosen = formats.chosen(request.headers.get("accept", ""), _one(request, "format"), _PAGE_FORMATS)

        def answer() -> Response:
            with self._rows(question, grant) as base:
                tag = _tag(base, "export", grant, question, chosen.name)
                if _unchanged(request, tag):
                    return _not_modified(tag, base)
                sent = export(self.database, question, base, grant, chosen)
                sent.headers.update(_headers(tag, base))
                return sent

        await self._awaited(question, grant)
        return await self.whole.do(answer)

    async def _query(self, request: Request) -> Response:
        caller = await self._caller(request, "/v1/query")
        body = _object(await request.body(), request.headers.get("content-type", ""))
        queries = body.get("queries")
        if (
            not isinstance(queries, list)
            or not 1 <= len(queries) <= MOST_QUERIES
            or set(body) - {"queries", "batch", "live"}
        ):
            raise Problem(
                "bad_request",
                f"queries isn't a list of 1 to {MOST_QUERIES}",
                "beside it only batch and live may be said",
            )
        batch, with_live = body.get("batch"), body.get("live", True)
        if (batch is not None and not isinstance(batch, str)) or not isinstance(with_live, bool):
            raise Problem("bad_value", "batch isn't a text, or live isn't true or false")
        asked = [self._asked_json(request, caller, place, query) for place, query in enumerate(queries)]
        _may_name(batch, [grant for grant, _ in asked])

        def answer() -> tuple[dict[str, Any], Rows]:
            named = {read_cursor(question)[0] for _, question in asked if question.after}
            named |= {batch} if batch else set()
            if len(named) > 1:
                raise Problem("bad_cursor", "the cursors are of several batches", "go on with each of them alone")
            older = all(grant.older_batches for grant, _ in asked)
            with self.bases.pinned(next(iter(named), None), older=older) as pinned, ExitStack() as held:
                views = [question.view for _, question in asked]
                rows: list[Rows] = [pinned] * len(asked)
                fit = [
                    with_live and batch is None and self._is_live(pinned, view, grant)
                    for (grant, _), view in zip(asked, views, strict=True)
                ]
                if self.bases.live is not None and any(fit):
                    both = held.enter_context(
                        self.bases.live.pinned(pinned, [v for v, fits in zip(views, fit, strict=True) if fits])
                    )
                    rows = [both if fits else pinned for fits in fit]
                pages = [
                    page(question, of, self.database, grant) for (grant, question), of in zip(asked, rows, strict=True)
                ]
                answers = [
                    _object_of(view.name, found) | _live_of(of, view)
                    for view, found, of in zip(views, pages, rows, strict=True)
                ]
                return {"batch": pinned.batch, "answers": answers}, next(
                    (of for of in rows if of is not pinned), pinned
                )

        value, answered = await self.small.do(answer)
        return _json(request, value, answered)

    async def _explain(self, request: Request) -> Response:
        caller = await self._caller(request, "/v1/explain/{view}/{column}")
        request.state.view = _known(request.path_params["view"], self.access)
        view, grant = self.access.view(caller, request.path_params["view"], _only(request, "as", "batch"))
        column, batch = request.path_params["column"], _one(request, "batch")
        _may_name(batch, [grant])

        def answer() -> tuple[dict[str, Any], str]:
            with self.bases.pinned(batch) as base:
                base.table(view)  # so that a view that isn't answered isn't explained as if it were
                return explained(view, column, base.manifest, counts=not grant.form.least_people), base.batch

        value, answered = await self.small.do(answer)
        return _json(request, value, answered)

    async def _freshness(self, request: Request) -> Response:
        caller = await self._caller(request, "/v1/freshness")
        role = _only(request, "as")

        def answer() -> tuple[dict[str, Any], str]:
            with self.bases.pinned() as base:
                topics: dict[str, bool] = {}  # whether in numbers
                visible = self._visible(caller, role)
                for view, grant in visible:
                    for topic in view.topics:
                        topics[topic.name] = topics.get(topic.name, False) or not grant.form.least_people
                value = freshness(base.manifest, topics)
                progress = self.bases.live.progress(base.batch) if self.bases.live else None
                if progress is not None and self.bases.live is not None:
                    without = self.bases.live.without(base.batch)
                    value["live"] = live.shown(progress, [topic for topic, counts in topics.items() if counts])
                    value["live"]["without"] = {v.name: without[v.name] for v, _ in visible if v.name in without}
                return value, base.batch

        value, answered = await self.small.do(answer)
        return _json(request, value, answered)

    async def _events(self, request: Request) -> Response:
        caller = await self._caller(request, "/v1/events")
        role = _only(request, "as", "since")
        since = _one(request, "since") or request.headers.get("last-event-id") or None
        if since is not None and not BATCH.fullmatch(since):
            raise Problem("bad_value", f"since is {since[:60]!r}", "it is the name of a batch, as events call them")
        listener = Listener(self.bases, lambda: self._visible(caller, role), since)
        self.listeners.enter()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self.listeners.stream(listener), media_type=EVENT_STREAM, headers=headers)

    async def _openapi(self, request: Request) -> Response:
        caller = await self._caller(request, "/openapi.json")
        document = openapi([view for view, _ in self._visible(caller, _only(request, "as"))])
        return Response(formats.as_json(document), media_type="application/json", headers={"Cache-Control": "no-cache"})

    async def _live(self, request: Request) -> Response:
        request.state.route = "/health/live"
        return _health({"live": True}, 200)

    async def _ready(self, request: Request) -> Response:
        request.state.route = "/health/ready"
        base = self.bases.current
        if base is None:
            raise Problem("not_ready", "no batch is open yet", "'learnfold run' publishes one")
        return _health({"ready": True, "batch": base.batch}, 200)

    async def _caller(self, request: Request, route: str) -> Caller:
        request.state.route = route
        caller = await self.sign_in.caller(request)
        request.state.caller, request.state.frames = caller.label, caller.frames
        return caller

    def _visible(self, caller: Caller, role: str | None) -> list[tuple[View, Grant]]:
        granted = [(view, self.access.grant(caller, view, role)) for view in self.access.catalog.views.values()]
        return [(view, grant) for view, grant in granted if grant is not None]

    def _asked(self, request: Request, caller: Caller) -> tuple[View, Grant, Question]:
        name, parameters = request.path_params["view"], _parameters(request)
        request.state.view = _known(name, self.access)
        role = next((value for parameter, value in parameters if parameter == "as"), None)
        view, grant = self.access.view(caller, name, role)
        question = read_question(view, parameters)
        request.state.filters = [one.column for one in question.filters]
        request.state.role = grant.role
        _may_name(question.batch, [grant])
        return view, grant, question

    def _asked_json(self, request: Request, caller: Caller, place: int, query: Any) -> tuple[Grant, Question]:
        try:
            return self._read_json(request, caller, query)
        except Problem as problem:
            said = f"queries[{place}]: {problem.detail}"
            raise Problem(problem.code, said, problem.hint, problem.headers) from problem

    def _read_json(self, request: Request, caller: Caller, query: Any) -> tuple[Grant, Question]:
        if not isinstance(query, dict) or not isinstance(query.get("view"), str):
            raise Problem("bad_request", "a query is an object that names a view")
        role = query.get("as")
        view, grant = self.access.view(caller, query["view"], role if isinstance(role, str) else None)
        request.state.view, request.state.role = view.name, grant.role
        return grant, read_json_question(view, query)

    def _pinned(self, question: Question, grant: Grant) -> AbstractContextManager[Base]:
        batch = question.batch
        if question.after is not None:
            of = read_cursor(question)[0]
            if batch is not None and batch != of:
                raise Problem("bad_cursor", "after is a cursor of another batch", "leave batch out")
            batch = of
        return self.bases.pinned(batch, older=grant.older_batches)

    async def _awaited(self, question: Question, grant: Grant) -> None:
        """Returns when the message is in that must be; raises Problem when it isn't by then, or nothing live is answered with."""
        message = question.at_least
        if message is None:
            return
        following = self.bases.live

        def holds() -> bool:
            with self.bases.pinned() as base:
                if following is None or not question.live or not self._is_live(base, question.view, grant):
                    raise Problem("bad_request", "at_least needs live numbers, and there are none", "leave it out")
                return following.holds(base.batch, message)

        until = time.monotonic() + question.wait_seconds
        while not await self.small.do(holds):
            if time.monotonic() >= until:
                raise Problem("behind", "the message isn't in yet", "ask again, or wait longer", {"Retry-After": "1"})
            await asyncio.sleep(_POLL_SECONDS)

    def _is_live(self, base: Base, view: View, grant: Grant) -> bool:
        return self.bases.live is not None and self.bases.live.answers(base, view, grant.form)

    @contextmanager
    def _rows(self, question: Question, grant: Grant) -> Iterator[Rows]:
        """The batch that the question is of, with what came since where that is there and wanted."""
        with self._pinned(question, grant) as base:
            following = self.bases.live
            wanted = question.live and question.batch is None and self._is_live(base, question.view, grant)
            if following is None or not wanted:
                yield base
                return
            with following.pinned(base, [question.view]) as both:
                yield both

    def _page(
        self,
        request: Request,
        grant: Grant,
        question: Question,
        chosen: formats.Format,
        *,
        by_key: bool = False,
    ) -> Response:
        view = question.view
        with self._rows(question, grant) as base:
            request.state.batch = base.batch
            tag = _tag(base, "key" if by_key else "page", grant, question, chosen.name)
            if _unchanged(request, tag):
                base.table(view, grant.form)
                return _not_modified(tag, base)
            found = page(question, base, self.database, grant)
            if by_key and not found.rows:
                raise Problem("not_found", f"{view.name} has no row with this key", "or it isn't for who asks")
            headers = _headers(tag, base) | _beside(request, found)
            if chosen.name == "json":
                value = {"batch": base.batch} | _object_of(view.name, found)
                if by_key:
                    value = {"batch": base.batch, "view": view.name, "row": value["rows"][0]}
                value |= _live_of(base, view)
                return Response(formats.as_json(value), media_type=chosen.media_type, headers=headers)
            if chosen.name in {"ndjson", "csv"}:
                content = formats.as_text(chosen, found.columns, found.rows)
            else:
                statement = select(question, base, found.columns, grant, limit=question.limit)
                columns = columns_of(question, grant)
                content = formats.as_binary(self.database, statement, columns, chosen, SECONDS)
            return Response(content, media_type=chosen.media_type, headers=headers)


def _parameters(request: Request) -> list[tuple[str, str]]:
    try:
        found = parse_qsl(request.url.query, keep_blank_values=True, errors="strict", max_num_fields=2_000)
    except ValueError as error:
        raise Problem(
            "bad_request", "the address's parameters can't be read", "they are UTF-8, at most 2,000"
        ) from error
    return found


def _one(request: Request, name: str) -> str | None:
    return next((value for parameter, value in _parameters(request) if parameter == name), None)


def _only(request: Request, *names: str) -> str | None:
    """The first of the parameters that may be there; raises Problem for any other."""
    for parameter, _ in _parameters(request):
        if parameter not in names:
            raise Problem(
                "unknown_parameter", f"{parameter[:60]} is no parameter of this address", f"it has {', '.join(names)}"
            )
    return _one(request, names[0])


def _may_name(batch: str | None, grants: list[Grant]) -> None:
    if batch is not None and not all(grant.older_batches for grant in grants):
        raise Problem("forbidden", "older batches aren't for who asks", "leave batch out to read the published one")


def _known(name: str, access: Access) -> str | None:
    return name if name in access.catalog.views else None


def _key_filters(request: Request, view: View) -> tuple[Filter, ...]:
    """The key in the address, in whose parts a slash is written as %2F."""
    path = request.scope["raw_path"].partition(b"?")[0].decode("latin-1")
    try:
        parts = [unquote(part, errors="strict") for part in path.partition("/key/")[2].split("/")]
    except UnicodeDecodeError as error:
        raise Problem("bad_value", "the key isn't UTF-8") from error
    if len(parts) != len(view.key):
        raise Problem("bad_request", f"the key of {view.name} is {'/'.join(view.key)}", f"{NULL} stands for NULL")
    columns = {column.name: column for column in view.columns}
    filters = []
    for name, part in zip(view.key, parts, strict=True):
        if part == NULL:
            filters.append(Filter(name, "is_null", (True,)))
            continue
        if part.startswith(NULL) and not part.startswith(NULL * 2):
            raise Problem("bad_value", f"{name} begins with {NULL}", f"write {NULL * 2} for a text that does")
        text = part[1:] if part.startswith(NULL) else part
        filters.append(Filter(name, "eq", (read_value(columns[name], text),)))
    return tuple(filters)


def _object(body: bytes, media_type: str) -> dict[str, Any]:
    if media_type.partition(";")[0].strip().lower() != "application/json":
        raise Problem("unsupported_media_type", "the body isn't application/json")
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Problem("bad_request", "the body isn't JSON") from error
    if not isinstance(value, dict):
        raise Problem("bad_request", "the body isn't an object")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _object_of(view: str, found: Page) -> dict[str, Any]:
    value = {"view": view, "rows": formats.objects(found.columns, found.rows), "next": found.next}
    return value if found.total is None else value | {"total": found.total}


def _live_of(base: Rows, view: View) -> dict[str, Any]:
    """What an answer says of the live numbers in it."""
    if not isinstance(base, live.LiveBase):
        return {}
    return {"live": live.shown(base.progress, [topic.name for topic in view.topics])}


def _tag(base: Rows, what: str, grant: Grant, question: Question, chosen: str) -> str:
    came = _live_of(base, question.view).get("live", {}).get("offsets")
    asked = [question.digest, question.select, question.limit, question.after, question.count, question.batch]
    about = repr([base.batch, came, what, grant.digest, asked, chosen])
    return f'W/"{hashlib.sha256(about.encode("utf-8", "replace")).hexdigest()[:24]}"'


def _unchanged(request: Request, tag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    return tag in {part.strip() for part in given.split(",")}


def _headers(tag: str, base: Rows | str) -> dict[str, str]:
    found = {
        "ETag": tag,
        "Learnfold-Batch": base if isinstance(base, str) else base.batch,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization",
    }
    return found | (live.headers(base.progress) if isinstance(base, live.LiveBase) else {})


def _beside(request: Request, found: Page) -> dict[str, str]:
    """What formats without room for it say in headers."""
    headers = {}
    if found.next is not None:
        parameters = [(name, value) for name, value in _parameters(request) if name != "after"]
        address = f"{request.url.path}?{urlencode([*parameters, ('after', found.next)])}"
        headers = {"Learnfold-Next": found.next, "Link": f'<{address}>; rel="next"'}
    return headers if found.total is None else headers | {"Learnfold-Total": str(found.total)}


def _not_modified(tag: str, base: Rows | str) -> Response:
    return Response(status_code=304, headers=_headers(tag, base))


def _json(request: Request, value: dict[str, Any], batch: Rows | str) -> Response:
    request.state.batch = batch if isinstance(batch, str) else batch.batch
    body = formats.as_json(value)
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
    if request.method != "POST" and _unchanged(request, tag):
        return _not_modified(tag, batch)
    return Response(body, media_type="application/json", headers=_headers(tag, batch))


def _health(value: dict[str, Any], status: int) -> Response:
    return Response(
        formats.as_json(value), status_code=status, media_type="application/json", headers={"Cache-Control": "no-store"}
    )
