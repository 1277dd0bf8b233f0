"""Pages opened from a learning platform, in a frame of its own pages or in a window."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from learnfold.dashboard.links import Links
from learnfold.dashboard.signing import read_form
from learnfold.dashboard.visit import Shown
from learnfold.dashboard.words import LANGUAGES
from learnfold.serve.launch import KEYS, LAUNCH, LOGIN
from learnfold.serve.pending import SECONDS
from learnfold.serve.problems import Problem
from learnfold.serve.sessions import FRAME_SECONDS, IN_FRAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from learnfold.serve.launch import Launched, Launches
    from learnfold.serve.sessions import Sessions
    from learnfold.serve.sign_in import SignIn

BROWSER = "learnfold_launch_"
"""The cookie of a browser that went to the platform and isn't back yet; then comes the beginning of the state, since several may go at once."""

_STATE_SIGNS = 12


@dataclass(frozen=True)
class Launching:
    """The routes that a platform sends browsers to."""

    sign_in: SignIn
    written: Callable[..., Response]  # a page, of a request and what is shown

    def routes(self) -> list[Route]:
        """Where browsers begin and come back to; none where no platform is registered."""
        launches, sessions = self.sign_in.launches, self.sign_in.sessions
        if launches is None or sessions is None:
            return []

        async def begin(request: Request) -> Response:
            return await self._begin(request, launches)

        async def finish(request: Request) -> Response:
            return await self._finish(request, launches, sessions)

        return [
            Route(LOGIN, begin, methods=["GET", "POST"]),
            Route(LAUNCH, finish, methods=["POST"]),
            Route(KEYS, _keys),
        ]

    async def _begin(self, request: Request, launches: Launches) -> Response:
        """To the platform, which says who it is."""
        request.state.route, request.state.frames = LOGIN, launches.platforms.frames
        try:
            said = dict(request.query_params) if request.method != "POST" else await read_form(request)
            address, state, browser = launches.begin(said)
        except Problem as problem:
            return self._refused(request, problem)
        answer = RedirectResponse(address, 303, {"Cache-Control": "no-store"})
        _set(answer, BROWSER + state[:_STATE_SIGNS], browser, int(SECONDS))
        return answer

    async def _finish(self, request: Request, launches: Launches, sessions: Sessions) -> Response:
        """From the platform, with a token or a refusal: on to the course, in a new session."""
        request.state.route, request.state.frames = LAUNCH, launches.platforms.frames
        try:
            said = await _answered(request)
            state = said.get("state", "")
            browser = request.cookies.get(BROWSER + state[:_STATE_SIGNS], "")
            launched = await asyncio.to_thread(launches.finish, state, browser, said["id_token"])
        except Problem as problem:
            return self._refused(request, problem)
        sessions.end(request.cookies.get(IN_FRAME, ""))
        answer = RedirectResponse(_address(launched), 303, {"Cache-Control": "no-store"})
        _set(answer, IN_FRAME, sessions.begin(lambda: launched.caller, FRAME_SECONDS), int(FRAME_SECONDS))
        _set(answer, BROWSER + state[:_STATE_SIGNS], "", 0)
        return answer

    def _refused(self, request: Request, problem: Problem) -> Response:
        return self.written(request, Shown("problem.html", problem.detail, {"problem": problem}), problem.status)


async def _answered(request: Request) -> dict[str, str]:
    """What the platform sends; raises Problem where it says of nobody that they come."""
    said = await read_form(request)
    if "id_token" not in said:
        raise Problem("unauthenticated", "the platform signed nobody in", "open it from the course again")
    return said


async def _keys(request: Request) -> Response:
    """The keys by which this server signs: none, since it asks platforms for nothing."""
    request.state.route = KEYS
    return JSONResponse({"keys": []})


def _address(launched: Launched) -> str:
    """The page of the course, in the language of the platform's pages where it is one of ours."""
    language = launched.locale.replace("_", "-").partition("-")[0].lower()
    to = Links("", (("lang", language),) if language in LANGUAGES else ())
    return to.to("/c/{}", launched.courses[0]) if len(launched.courses) == 1 else to.to("/")


def _set(answer: Response, name: str, value: str, seconds: int) -> None:
    """Sets a cookie that works in a frame of another site's page, and is kept apart for each such site."""
    kept = f"{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"
    answer.headers.append("Set-Cookie", kept)
