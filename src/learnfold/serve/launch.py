"""Opened from a learning platform: the launch of 1EdTech's LTI 1.3, as its tool.

The platform sends a browser here to begin; it is sent back with a state and a nonce, and comes again with a token that the platform
signed. Who comes is confined to the course that they came from.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from learnfold.serve.callers import Caller
from learnfold.serve.oidc import Oidc
from learnfold.serve.pending import Pending
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from learnfold.serve.platforms import Platform, Platforms

LOGIN, LAUNCH, KEYS = "/lti/login", "/lti/launch", "/lti/keys"
"""Where a platform begins, where it comes back to, and where it may look for keys of ours."""

COLUMN = "course_id"
"""The column by which who was sent from a course is confined to it."""

_CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
_IN_COURSE = "http://purl.imsglobal.org/vocab/lis/v2/membership"
_MESSAGE, _VERSION = "LtiResourceLinkRequest", "1.3.0"


@dataclass(frozen=True)
class Launched:
    """Who was sent from which course."""

    caller: Caller
    courses: tuple[str, ...]  # what events call it
    locale: str  # the language that they are shown there; "": not said


@dataclass(frozen=True)
class _Sent:
    platform: Platform
    nonce: str


class Launches:
    """The launches of all platforms."""

    def __init__(self, platforms: Platforms, pending: Pending[_Sent] | None = None) -> None:
        self.platforms = platforms
        self._pending = pending or Pending()
        self._tokens = {one: Oidc(one.issuer, one.client_id, keys=one.keys) for one in platforms.known}
        self._secret = secrets.token_bytes(16)

    def begin(self, said: Mapping[str, str]) -> tuple[str, str, str]:
        """The platform's address to go to, the state, and the secret that the browser must bring back with it.

        ``said``: the parameters by which the platform began. Raises Problem for a platform that isn't registered.
        """
        platform = self._platform(said)
        nonce = secrets.token_urlsafe(32)
        state, browser = self._pending.begin(_Sent(platform, nonce))
        asked = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": platform.client_id,
            "redirect_uri": self.platforms.address + LAUNCH,
            "login_hint": said["login_hint"],
            "state": state,
            "nonce": nonce,
        }
        if "lti_message_hint" in said:
            asked["lti_message_hint"] = said["lti_message_hint"]
        return f"{platform.login}{'&' if '?' in platform.login else '?'}{urlencode(asked)}", state, browser

    def finish(self, state: str, browser: str, token: str) -> Launched:
        """Who came, from which course; each state is good once. May fetch keys. Raises Problem for what isn't whole and right."""
        sent = self._pending.finish(state, browser)
        platform = sent.platform
        claims = self._tokens[platform].claims(token)
        _check(claims, platform, sent.nonce)
        context = _object(claims, "context").get("id")
        if not isinstance(context, str) or not context:
            raise _refused("the platform names no course", "open it from within a course")
        courses = platform.course_ids(context)
        if not courses:
            raise Problem(
                "forbidden",
                f"this course isn't known here; the platform calls it {context[:200]}",
                "whoever runs this server can name it in the file of courses",
            )
        person = _person(claims, platform.user)
        label = hmac.new(self._secret, repr((platform.issuer, person)).encode("utf-8", "replace"), hashlib.sha256)
        caller = Caller(
            f"lti:{label.hexdigest()[:8]}",
            self._roles(claims) or ("",),
            {"sub": platform.person_ids(person), "course": courses},
            within={COLUMN: courses},
            frames=platform.frames,
        )
        locale = _object(claims, "launch_presentation").get("locale")
        return Launched(caller, courses, locale if isinstance(locale, str) else "")

    def _platform(self, said: Mapping[str, str]) -> Platform:
        if not said.get("login_hint"):
            raise Problem("bad_request", "the platform says no login_hint", "open it from within a course")
        issuer, client, deployment = (said.get(name) for name in ("iss", "client_id", "lti_deployment_id"))
        found = [
            one
            for one in self.platforms.known
            if one.issuer == issuer and client in {None, one.client_id} and deployment in {None, *one.deployments}
        ]
        if len(found) != 1:
            raise Problem(
                "forbidden",
                "this platform, client or deployment isn't registered here" if not found else "several clients fit",
                "whoever runs this server can register it: docs/lti.md",
            )
        return found[0]

    def _roles(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """What rules call the roles that they have in the course; those in the institution or the system are none."""
        given = claims.get(f"{_CLAIM}roles")
        names = [
            role.rpartition("#")[2]
            for role in (given if isinstance(given, list) else [])
            if isinstance(role, str) and (role.startswith((f"{_IN_COURSE}#", f"{_IN_COURSE}/")) or ":" not in role)
        ]
        return tuple(sorted({self.platforms.roles[name] for name in names if name in self.platforms.roles}))


def _check(claims: Mapping[str, Any], platform: Platform, nonce: str) -> None:
    """What a token must say beyond who signed it, for whom, and until when."""
    audience = claims["aud"]
    if claims.get("azp", platform.client_id) != platform.client_id or (
        isinstance(audience, list) and len(audience) > 1 and "azp" not in claims
    ):
        raise _refused("the token is another client's")
    if not isinstance(claims.get("nonce"), str) or not secrets.compare_digest(claims["nonce"].encode(), nonce.encode()):
        raise _refused("the token is of another launch")
    if claims.get(f"{_CLAIM}deployment_id") not in platform.deployments:
        raise _refused("the token is of a deployment that isn't registered here")
    if claims.get(f"{_CLAIM}version") != _VERSION:
        raise _refused("the token isn't of LTI 1.3")
    if claims.get(f"{_CLAIM}message_type") != _MESSAGE or not _object(claims, "resource_link").get("id"):
        raise _refused("the platform asks for something else than to open a link")


def _person(claims: Mapping[str, Any], where: str) -> str:
    claim, _, name = where.partition(".")
    found = _object(claims, claim).get(name) if name else claims.get(claim)
    if not isinstance(found, str) or not found:
        raise _refused(f"the platform doesn't say who comes ({where})")
    return found


def _object(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = claims.get(f"{_CLAIM}{name}")
    return found if isinstance(found, dict) else {}


def _refused(detail: str, hint: str = "open it from the course again") -> Problem:
    return Problem("unauthenticated", detail, hint)
