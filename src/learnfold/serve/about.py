"""Addresses that tell of the views and of the server: which there are, what they mean, how far they reach, what changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from learnfold.serve import formats, live
from learnfold.serve.bases import BATCH
from learnfold.serve.events import MEDIA_TYPE as EVENT_STREAM
from learnfold.serve.events import Listener
from learnfold.serve.explain import described, explained, freshness
from learnfold.serve.openapi import openapi
from learnfold.serve.problems import Problem
from learnfold.serve.request import first, known_view, may_name, only
from learnfold.serve.response import answer_json, health

if TYPE_CHECKING:
    from starlette.requests import Request

    from learnfold.serve.api import Api


@dataclass(frozen=True)
class About:
    """The routes of what isn't rows."""

    api: Api

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/v1/views", self._views),
            Route("/v1/explain/{view}/{column}", self._explain),
            Route("/v1/freshness", self._freshness),
            Route("/v1/events", self._events),
            Route("/openapi.json", self._openapi),
            Route("/health/live", self._live),
            Route("/health/ready", self._ready),
        ]

    async def _views(self, request: Request) -> Response:
        caller = await self.api.caller(request, "/v1/views")
        role = only(request, "as")

        def answer() -> tuple[dict[str, Any], str]:
            with self.api.bases.pinned() as base:
                views = [
                    described(view, grant.form.columns(view))
                    for view, grant in self.api.visible(caller, role)
                    if view.name in base.manifest.views
                ]
                return {"batch": base.batch, "views": views}, base.batch

        value, answered = await self.api.small.do(answer)
        return answer_json(request, value, answered)

    async def _explain(self, request: Request) -> Response:
        caller = await self.api.caller(request, "/v1/explain/{view}/{column}")
        request.state.view = known_view(request.path_params["view"], self.api.access)
        view, grant = self.api.access.view(caller, request.path_params["view"], only(request, "as", "batch"))
        column, batch = request.path_params["column"], first(request, "batch")
        may_name(batch, [grant])

        def answer() -> tuple[dict[str, Any], str]:
            with self.api.bases.pinned(batch) as base:
                base.table(view)  # so that a view that isn't answered isn't explained as if it were
                return explained(view, column, base.manifest, counts=not grant.form.least_people), base.batch

        value, answered = await self.api.small.do(answer)
        return answer_json(request, value, answered)

    async def _freshness(self, request: Request) -> Response:
        caller = await self.api.caller(request, "/v1/freshness")
        role = only(request, "as")

        def answer() -> tuple[dict[str, Any], str]:
            with self.api.bases.pinned() as base:
                topics: dict[str, bool] = {}  # whether in numbers
                visible = self.api.visible(caller, role)
                for view, grant in visible:
                    for topic in view.topics:
                        topics[topic.name] = topics.get(topic.name, False) or not grant.form.least_people
                value = freshness(base.manifest, topics)
                progress = self.api.bases.live.progress(base.batch) if self.api.bases.live else None
                if progress is not None and self.api.bases.live is not None:
                    without = self.api.bases.live.without(base.batch)
                    value["live"] = live.shown(progress, [topic for topic, counts in topics.items() if counts])
                    value["live"]["without"] = {v.name: without[v.name] for v, _ in visible if v.name in without}
                return value, base.batch

        value, answered = await self.api.small.do(answer)
        return answer_json(request, value, answered)

    async def _events(self, request: Request) -> Response:
        caller = await self.api.caller(request, "/v1/events")
        role = only(request, "as", "since")
        since = first(request, "since") or request.headers.get("last-event-id") or None
        if since is not None and not BATCH.fullmatch(since):
            raise Problem("bad_value", f"since is {since[:60]!r}", "it is the name of a batch, as events call them")
        listener = Listener(self.api.bases, lambda: self.api.visible(caller, role), since)
        self.api.listeners.enter()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self.api.listeners.stream(listener), media_type=EVENT_STREAM, headers=headers)

    async def _openapi(self, request: Request) -> Response:
        caller = await self.api.caller(request, "/openapi.json")
        document = openapi([view for view, _ in self.api.visible(caller, only(request, "as"))])
        return Response(formats.as_json(document), media_type="application/json", headers={"Cache-Control": "no-cache"})

    async def _live(self, request: Request) -> Response:
        request.state.route = "/health/live"
        return health({"live": True}, 200)

    async def _ready(self, request: Request) -> Response:
        request.state.route = "/health/ready"
        base = self.api.bases.current
        if base is None:
            raise Problem("not_ready", "no batch is open yet", "'learnfold run' publishes one")
        return health({"ready": True, "batch": base.batch}, 200)
