"""Addresses that answer with rows: a page, a row by its key, the whole as a file, several questions at once."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from learnfold.serve import formats
from learnfold.serve.answer import SECONDS, columns_of, page, select
from learnfold.serve.export import export
from learnfold.serve.paging import read_cursor
from learnfold.serve.problems import Problem
from learnfold.serve.question import Question, read_json_question, read_question
from learnfold.serve.request import first, json_object, key_filters, known_view, may_name, parameters_of
from learnfold.serve.response import (
    answer_json,
    beside,
    headers_of,
    live_part,
    not_modified,
    page_object,
    tag_of,
    unchanged,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from starlette.requests import Request

    from learnfold.catalog import View
    from learnfold.serve.access import Grant
    from learnfold.serve.api import Api
    from learnfold.serve.bases import Base
    from learnfold.serve.callers import Caller
    from learnfold.serve.rows import Rows

MOST_QUERIES = 20
_POLL_SECONDS = 0.02
"""Between two looks at whether a message is in."""

_PAGE_FORMATS = tuple(formats.FORMATS)


@dataclass(frozen=True)
class Asking:
    """The routes of what is rows."""

    api: Api

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/v1/views/{view}", self._view),
            Route("/v1/views/{view}/export", self._export),
            Route("/v1/views/{view}/key/{key:rest}", self._key),
            Route("/v1/query", self._query, methods=["POST"]),
        ]

    async def _view(self, request: Request) -> Response:
        caller = await self.api.caller(request, "/v1/views/{view}")
        _, grant, question = self._asked(request, caller)
        chosen = formats.chosen(request.headers.get("accept", ""), first(request, "format"), _PAGE_FORMATS)
        await self._awaited(question, grant)
        return await self.api.small.do(lambda: self._page(request, grant, question, chosen))

    async def _key(self, request: Request) -> Response:
        caller = await self.api.caller(request, "/v1/views/{view}/key/{key}")
        view, grant, question = self._asked(request, caller)
        chosen = formats.chosen(request.headers.get("accept", ""), first(request, "format"), _PAGE_FORMATS)
        question = replace(question, filters=(*question.filters, *key_filters(request, view)), limit=1)
        await self._awaited(question, grant)
        return await self.api.small.do(lambda: self._page(request, grant, question, chosen, by_key=True))

    async def _export(self, request: Request) -> Response:
        caller = await self.api.caller(request, "/v1/views/{view}/export")
        _, grant, question = self._asked(request, caller)
        if question.after is not None or question.count or first(request, "limit") is not None:
            raise Problem("bad_request", "an export is the whole: it has no pages", "leave after, limit and count out")
        chosen = formats.chosen(request.headers.get("accept", ""), first(request, "format"), _PAGE_FORMATS)

        def answer() -> Response:
            with self._rows(question, grant) as base:
                tag = tag_of(base, "export", grant, question, chosen.name)
                if unchanged(request, tag):
                    return not_modified(tag, base)
                sent = export(self.api.database, question, base, grant, chosen)
                sent.headers.update(headers_of(tag, base))
                return sent

        await self._awaited(question, grant)
        return await self.api.whole.do(answer)

    async def _query(self, request: Request) -> Response:
        caller = await self.api.caller(request, "/v1/query")
        body = json_object(await request.body(), request.headers.get("content-type", ""))
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
        may_name(batch, [grant for grant, _ in asked])

        def answer() -> tuple[dict[str, Any], Rows]:
            named = {read_cursor(question)[0] for _, question in asked if question.after}
            named |= {batch} if batch else set()
            if len(named) > 1:
                raise Problem("bad_cursor", "the cursors are of several batches", "go on with each of them alone")
            older = all(grant.older_batches for grant, _ in asked)
            with self.api.bases.pinned(next(iter(named), None), older=older) as pinned, ExitStack() as held:
                views = [question.view for _, question in asked]
                rows: list[Rows] = [pinned] * len(asked)
                fit = [
                    with_live and batch is None and self._is_live(pinned, view, grant)
                    for (grant, _), view in zip(asked, views, strict=True)
                ]
                if self.api.bases.live is not None and any(fit):
                    both = held.enter_context(
                        self.api.bases.live.pinned(pinned, [v for v, fits in zip(views, fit, strict=True) if fits])
                    )
                    rows = [both if fits else pinned for fits in fit]
                pages = [
                    page(question, of, self.api.database, grant)
                    for (grant, question), of in zip(asked, rows, strict=True)
                ]
                answers = [
                    page_object(view.name, found) | live_part(of, view)
                    for view, found, of in zip(views, pages, rows, strict=True)
                ]
                return {"batch": pinned.batch, "answers": answers}, next(
                    (of for of in rows if of is not pinned), pinned
                )

        value, answered = await self.api.small.do(answer)
        return answer_json(request, value, answered)

    def _asked(self, request: Request, caller: Caller) -> tuple[View, Grant, Question]:
        name, parameters = request.path_params["view"], parameters_of(request)
        request.state.view = known_view(name, self.api.access)
        role = next((value for parameter, value in parameters if parameter == "as"), None)
        view, grant = self.api.access.view(caller, name, role)
        question = read_question(view, parameters)
        request.state.filters = [one.column for one in question.filters]
        request.state.role = grant.role
        may_name(question.batch, [grant])
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
        view, grant = self.api.access.view(caller, query["view"], role if isinstance(role, str) else None)
        request.state.view, request.state.role = view.name, grant.role
        return grant, read_json_question(view, query)

    def _pinned(self, question: Question, grant: Grant) -> AbstractContextManager[Base]:
        batch = question.batch
        if question.after is not None:
            of = read_cursor(question)[0]
            if batch is not None and batch != of:
                raise Problem("bad_cursor", "after is a cursor of another batch", "leave batch out")
            batch = of
        return self.api.bases.pinned(batch, older=grant.older_batches)

    async def _awaited(self, question: Question, grant: Grant) -> None:
        """Returns when the message is in that must be; raises Problem when it isn't by then, or nothing live is answered with."""
        message = question.at_least
        if message is None:
            return
        following = self.api.bases.live

        def holds() -> bool:
            with self.api.bases.pinned() as base:
                if following is None or not question.live or not self._is_live(base, question.view, grant):
                    raise Problem("bad_request", "at_least needs live numbers, and there are none", "leave it out")
                return following.holds(base.batch, message)

        until = time.monotonic() + question.wait_seconds
        while not await self.api.small.do(holds):
            if time.monotonic() >= until:
                raise Problem("behind", "the message isn't in yet", "ask again, or wait longer", {"Retry-After": "1"})
            await asyncio.sleep(_POLL_SECONDS)

    def _is_live(self, base: Base, view: View, grant: Grant) -> bool:
        return self.api.bases.live is not None and self.api.bases.live.answers(base, view, grant.form)

    @contextmanager
    def _rows(self, question: Question, grant: Grant) -> Iterator[Rows]:
        """The batch that the question is of, with what came since where that is there and wanted."""
        with self._pinned(question, grant) as base:
            following = self.api.bases.live
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
            tag = tag_of(base, "key" if by_key else "page", grant, question, chosen.name)
            if unchanged(request, tag):
                base.table(view, grant.form)
                return not_modified(tag, base)
            found = page(question, base, self.api.database, grant)
            if by_key and not found.rows:
                raise Problem("not_found", f"{view.name} has no row with this key", "or it isn't for who asks")
            headers = headers_of(tag, base) | beside(request, found)
            if chosen.name == "json":
                value = {"batch": base.batch} | page_object(view.name, found)
                if by_key:
                    value = {"batch": base.batch, "view": view.name, "row": value["rows"][0]}
                value |= live_part(base, view)
                return Response(formats.as_json(value), media_type=chosen.media_type, headers=headers)
            if chosen.name in {"ndjson", "csv"}:
                content = formats.as_text(chosen, found.columns, found.rows)
            else:
                statement = select(question, base, found.columns, grant, limit=question.limit)
                columns = columns_of(question, grant)
                content = formats.as_binary(self.api.database, statement, columns, chosen, SECONDS)
            return Response(content, media_type=chosen.media_type, headers=headers)
