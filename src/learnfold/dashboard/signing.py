"""Signing in with a browser: at a provider or with a token, then a session whose name is in a cookie that no script reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from learnfold.dashboard.visit import Shown, nothing
from learnfold.serve.code_flow import BACK
from learnfold.serve.pending import SECONDS as FLOW_SECONDS
from learnfold.serve.problems import Problem
from learnfold.serve.sessions import COOKIE, SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from learnfold.serve.callers import Caller
    from learnfold.serve.sign_in import SignIn

BROWSER = "learnfold_signing_in"
"""The cookie of a browser that went to the provider and isn't back yet."""

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Signing:
    """The routes of signing in and out."""

    sign_in: SignIn
    written: Callable[..., Response]  # a page, of a request and what is shown

    def routes(self) -> list[Route]:
        """Where people sign in and out; none where they can't."""
        if self.sign_in.sessions is None:
            return []
        return [
            Route("/sign-in", self._form),
            Route("/sign-in", self._in, methods=["POST"]),
            Route("/sign-out", self._out, methods=["POST"]),
            *([Route("/sign-in/with", self._leave), Route(BACK, self._back)] if self.sign_in.flow else []),
        ]

    async def _form(self, request: Request) -> Response:
        request.state.route = "/sign-in"
        return self._page(request, local(request.query_params.get("to", "/")))

    async def _in(self, request: Request) -> Response:
        request.state.route = "/sign-in"
        try:
            form = await _own_form(request)
        except Problem as problem:
            return self._page(request, "/", problem)
        to, token = local(form.get("to", "/")), form.get("token", "").strip()
        tokens, sessions = self.sign_in.tokens, self.sign_in.sessions
        if tokens is None or sessions is None or tokens.caller(token) is None:
            return self._page(
                request, to, Problem("unauthenticated", "the token is unknown, was taken back or has expired")
            )
        return self._begun(request, to, lambda: tokens.caller(token))

    def _begun(self, request: Request, to: str, find: Callable[[], Caller | None]) -> Response:
        """Goes on in a new session, whose name nobody could know before; the one before ends."""
        sessions = self.sign_in.sessions
        answer = RedirectResponse(to, 303, {"Cache-Control": "no-store"})
        if sessions is not None:
            sessions.end(request.cookies.get(COOKIE, ""))
            _set(request, answer, COOKIE, sessions.begin(find), int(SECONDS))
        return answer

    async def _leave(self, request: Request) -> Response:
        """To the provider."""
        request.state.route = "/sign-in/with"
        flow, to = self.sign_in.flow, local(request.query_params.get("to", "/"))
        if flow is None:
            return self._page(request, to, nothing("there is no such page"))
        try:
            address, browser = await asyncio.to_thread(flow.begin, to)
        except Problem as problem:
            return self._page(request, to, problem)
        answer = RedirectResponse(address, 303, {"Cache-Control": "no-store"})
        _set(request, answer, BROWSER, browser, int(FLOW_SECONDS))
        return answer

    async def _back(self, request: Request) -> Response:
        """From the provider, with a code or a refusal."""
        request.state.route = BACK
        flow, said = self.sign_in.flow, request.query_params
        if flow is None or "code" not in said:
            return self._page(request, "/", Problem("unauthenticated", "the provider signed nobody in", "begin again"))
        try:
            browser = request.cookies.get(BROWSER, "")
            caller, to = await asyncio.to_thread(flow.finish, said.get("state", ""), browser, said["code"])
        except Problem as problem:
            return self._page(request, "/", problem)
        answer = self._begun(request, to, lambda: caller)
        answer.delete_cookie(BROWSER, httponly=True, samesite="lax", secure=not _is_local(request))
        return answer

    async def _out(self, request: Request) -> Response:
        request.state.route = "/sign-out"
        try:
            await _own_form(request)
        except Problem as problem:
            return self._page(request, "/", problem)
        if self.sign_in.sessions is not None:
            self.sign_in.sessions.end(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/sign-in", 303, {"Cache-Control": "no-store"})
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=not _is_local(request))
        return answer

    def _page(self, request: Request, to: str, problem: Problem | None = None) -> Response:
        ways = {
            "with_token": self.sign_in.tokens is not None,
            "with_provider": self.sign_in.flow is not None,
            "from_course": self.sign_in.launches is not None,
        }
        shown = Shown("sign_in.html", "sign_in", {"to": to, "problem": problem, **ways})
        return self.written(request, shown, problem.status if problem else 200, problem.headers if problem else None)


def local(address: str) -> str:
    """The address if it is one of ours, else the first page: nobody is sent elsewhere after signing in."""
    parts = urlsplit(address)
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if plain and not parts.scheme and not parts.netloc else "/"


def _set(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=not _is_local(request))


async def _own_form(request: Request) -> dict[str, str]:
    """What a form of ours sent; raises Problem for what another site's page sends."""
    origin = request.headers.get("origin")
    if (origin is not None and urlsplit(origin).netloc != request.headers.get("host")) or request.headers.get(
        "sec-fetch-site", "same-origin"
    ) not in {"same-origin", "none"}:
        raise Problem("forbidden", "this came from another site's page", "sign in here")
    return await read_form(request)


async def read_form(request: Request) -> dict[str, str]:
    """What a form sends, of each name the first; raises Problem for what is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Problem("unsupported_media_type", "the body isn't a form")
    try:
        found = parse_qs((await request.body()).decode("ascii"), errors="strict", max_num_fields=100)
    except ValueError as error:
        raise Problem("bad_request", "the form can't be read") from error
    return {name: values[0] for name, values in found.items()}


def _is_local(request: Request) -> bool:
    """Whether the browser runs on this machine, and may keep a cookie without TLS."""
    name = request.url.hostname or ""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
