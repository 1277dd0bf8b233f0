"""The pages' routes: each reads who asks, pins one batch, has a page made in a worker thread and writes it."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from learnfold import __version__
from learnfold.dashboard import charts
from learnfold.dashboard.asking import Ask
from learnfold.dashboard.history import History
from learnfold.dashboard.launching import Launching
from learnfold.dashboard.links import Links, from_part
from learnfold.dashboard.moment import Moments, read_live, since
from learnfold.dashboard.pages import OF_THE_BATCH, PAGES
from learnfold.dashboard.picture import charts_style, picture
from learnfold.dashboard.signing import Signing
from learnfold.dashboard.visit import Elsewhere, Shown, Visit, nothing
from learnfold.dashboard.words import LANGUAGES, Words, chosen
from learnfold.serve.guard import frame_ancestors
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from learnfold.serve.api import Api
    from learnfold.serve.callers import Caller

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; "
)
"""What a page may load: what this server sends, and nothing that stands in the page itself; then come those who may show it in a frame."""

THEMES = ("light", "dark")
_STATIC_SECONDS = 31_536_000


def pages(api: Api) -> list[Route]:
    """The pages' routes, beside those of the API."""
    return Site(api).routes()


@dataclass(frozen=True)
class Site:
    """All pages of one server."""

    api: Api
    moments: Moments = field(default_factory=Moments)

    @cached_property
    def history(self) -> History:
        """The batches of the place that is served."""
        return History(self.api.bases.out)

    @cached_property
    def static(self) -> dict[str, bytes]:
        """Styles, script, mark and font, by name."""
        folder = resources.files("learnfold.dashboard") / "static"
        return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}

    @cached_property
    def version(self) -> str:
        """Stands for the static files in their addresses, so that they may be kept for ever."""
        digest = hashlib.sha256(__version__.encode())
        for name in sorted(self.static):
            digest.update(self.static[name])
        return digest.hexdigest()[:10]

    @cached_property
    def pictures(self) -> dict[bool, str]:
        """The styles of charts that leave their page: in light, and in dark."""
        return {dark: charts_style(self.static["style.css"].decode(), dark=dark) for dark in (False, True)}

    @cached_property
    def templates(self) -> Environment:
        """The templates; whatever stands in one is escaped."""
        found = Environment(
            loader=PackageLoader("learnfold.dashboard"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            auto_reload=False,
        )
        found.globals.update(charts=charts, languages=LANGUAGES, themes=THEMES, version=self.version)
        return found

    def routes(self) -> list[Route]:
        """Every page, the ways of signing in, and the files that pages load."""
        signing = Signing(self.api.sign_in, self.written)
        found = [Route(address, self._answers(address, page)) for address, page in PAGES.items()]
        found += [*signing.routes(), *Launching(self.api.sign_in, self.written).routes()]
        return [*found, Route("/static/{name}", self._static)]

    def _answers(self, address: str, page: Callable[[Visit], Shown | Elsewhere]) -> Any:
        async def answer(request: Request) -> Response:
            request.state.route = address
            try:
                caller = await self.api.sign_in.caller(request)
                request.state.caller, request.state.frames = caller.label, caller.frames
                return await self.api.small.do(lambda: self._page(request, caller, page))
            except Problem as problem:
                return self.refused(request, problem)

        return answer

    def _page(self, request: Request, caller: Caller, page: Callable[[Visit], Shown | Elsewhere]) -> Response:
        query = _query(request)
        batch = dict(query).get("batch")
        with self.api.bases.pinned(batch) as base:
            request.state.batch = base.batch
            older = batch is not None and batch != getattr(self.api.bases.current, "batch", None)
            asking = Ask(self.api.access, self.api.database, base, caller, dict(query).get("as"), older)
            visit, shown = self._made(request, asking, page)
            ask = visit.ask
            request.state.view = ",".join(sorted(ask.asked)) or None
            request.state.role = next((grant.role for grant in ask.asked.values() if grant.role), None)
            if isinstance(shown, Elsewhere):
                return RedirectResponse(shown.address, 303)
            fresh = visit.fresh()
            values = {"visit": visit, "fresh": fresh, "shown": shown, **shown.values}
            html = self._html(visit.words, visit.links, shown.template, values)
            return (
                self._picture(request, visit, shown.title, html)
                if "picture" in visit.query
                else self._kept(request, html)
            )

    def _made(
        self, request: Request, asking: Ask, page: Callable[[Visit], Shown | Elsewhere]
    ) -> tuple[Visit, Shown | Elsewhere]:
        """The page, all of whose views are of one moment, and the visit that it is for."""
        query, route = _query(request), request.state.route
        first = dict(reversed(query))
        path = {name: from_part(value) for name, value in request.path_params.items()}
        links = Links(request.scope["raw_path"].partition(b"?")[0].decode("latin-1"), query)
        wanted = read_live(first)
        live = None if "batch" in first or route in OF_THE_BATCH else self.api.bases.live

        def made(ask: Ask) -> tuple[Visit, Shown | Elsewhere]:
            operates = ask.access.operates(ask.caller)
            visit = Visit(ask, _words(request, query), links, path, first, self.history, operates)
            return visit, page(visit)

        following = live if wanted != "off" else None
        visit, shown = self.moments.make((route, path.get("view", "")), asking, following, made)
        if live is None:
            return visit, shown
        return replace(visit, since=since(visit.ask, wanted=wanted != "off")), shown

    def refused(self, request: Request, problem: Problem) -> Response:
        """A page that says what is wrong; who isn't known is sent to where people sign in."""
        query = _query(request) if problem.code != "bad_request" else ()
        sign_in = self.api.sign_in
        if problem.code == "unauthenticated" and sign_in.launches and request.headers.get(_WHERE) == "iframe":
            request.state.frames = sign_in.launches.platforms.frames
            problem = Problem(problem.code, problem.detail, "open it from the course again")
        elif problem.code == "unauthenticated" and sign_in.sessions is not None and request.method == "GET":
            to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(Links("", query).to("/sign-in", to=to), 303)
        shown = Shown("problem.html", problem.detail, {"problem": problem})
        return self.written(request, shown, problem.status, problem.headers)

    def written(
        self, request: Request, shown: Shown, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        """A page that is about no batch."""
        query = _query(request) if len(request.url.query) < 4_000 else ()  # noqa: PLR2004 - what is longer is no page's
        links = Links(request.scope["raw_path"].partition(b"?")[0].decode("latin-1"), query)
        values = {"visit": None, "fresh": None, "shown": shown, **shown.values}
        content = self._html(_words(request, query), links, shown.template, values)
        return Response(
            content, status, {**_headers(request), **(headers or {}), "Cache-Control": "no-store"}, "text/html"
        )

    def _html(self, words: Words, links: Links, template: str, values: dict[str, Any]) -> str:
        theme = dict(links.query).get("theme")
        given = {
            "t": words,
            "links": links,
            "theme": theme if theme in THEMES else "",
            "signed_in_here": self.api.sign_in.sessions is not None,
        }
        return self.templates.get_template(template).render({**given, **values})

    def _picture(self, request: Request, visit: Visit, title: str, html: str) -> Response:
        """One chart of a page as a file."""
        name = visit.query["picture"]
        style = self.pictures[visit.query.get("theme") == "dark"]
        of = f"{visit.words('batch')} {visit.batch}"
        if visit.since is not None and visit.since.live:
            of += f", {visit.words('live_until', moment=visit.since.at)}"
        found = picture(html, name, style, title, of)
        if found is None:
            raise nothing("there is no such chart on this page")
        headers = {
            **_headers(request),
            "Content-Security-Policy": found.policy + frame_ancestors(visit.ask.caller.frames),
            "Content-Disposition": f'attachment; filename="{name}.svg"',
            "Cache-Control": "private, no-cache",
        }
        return Response(found.content, 200, headers, "image/svg+xml")

    def _kept(self, request: Request, content: str) -> Response:
        body = content.encode("utf-8", "replace")
        tag = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
        headers = {**_headers(request), "ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in {part.strip() for part in request.headers.get("if-none-match", "").split(",")}:
            return Response(status_code=304, headers=headers)
        return Response(body, 200, headers, "text/html; charset=utf-8")

    async def _static(self, request: Request) -> Response:
        request.state.route = "/static/{name}"
        name = request.path_params["name"]
        content = self.static.get(name)
        if content is None:
            return self.refused(request, nothing("there is no such file"))
        kind = "font/woff2" if name.endswith(".woff2") else mimetypes.guess_type(name)[0] or "text/plain"
        return Response(content, 200, {"Cache-Control": f"public, max-age={_STATIC_SECONDS}, immutable"}, kind)


_WHERE = "sec-fetch-dest"
"""The header that says whether a page is for a window or a frame."""


def _headers(request: Request) -> dict[str, str]:
    policy = POLICY + frame_ancestors(getattr(request.state, "frames", ()))
    return {"Content-Security-Policy": policy, "Vary": "Accept-Language, Authorization, Cookie"}


def _query(request: Request) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(parse_qsl(request.url.query, keep_blank_values=True, errors="strict", max_num_fields=200))
    except ValueError as error:
        raise Problem("bad_request", "the address's parameters can't be read") from error


def _words(request: Request, query: tuple[tuple[str, str], ...]) -> Words:
    return Words(chosen(dict(query).get("lang"), request.headers.get("accept-language", "")))
