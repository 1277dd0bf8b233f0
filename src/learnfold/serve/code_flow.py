"""Signing in at an OpenID Connect provider with a browser: the code flow with PKCE, a state and a nonce.

What was begun is good once, for ten minutes, in the browser that began it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from learnfold.errors import UsageError
from learnfold.serve.pending import Pending
from learnfold.serve.platforms import is_web_address
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from learnfold.serve.callers import Caller
    from learnfold.serve.oidc import Oidc

BACK = "/sign-in/back"
"""Where the provider sends people back to."""

_TIMEOUT_SECONDS = 5.0
_MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Begun:
    """What was begun: the secrets of one sign-in, and where its browser wanted to go."""

    verifier: str
    nonce: str
    to: str


class CodeFlow:
    """One provider, and the sign-ins that are under way."""

    def __init__(
        self,
        oidc: Oidc,
        client_id: str,
        secret: str,
        address: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``address``: this server's own, as browsers know it. Raises UsageError where it isn't https."""
        if not is_web_address(address):
            raise UsageError(f"[oidc] address: {address} isn't an https address")
        self.oidc, self.client_id, self.secret = oidc, client_id, secret
        self.back = address.rstrip("/") + BACK
        self._pending: Pending[Begun] = Pending(clock)

    def begin(self, to: str) -> tuple[str, str]:
        """The provider's address to go to, and the secret that the browser must bring back; may ask the provider."""
        about = self.oidc.about()
        verifier, nonce = (secrets.token_urlsafe(32) for _ in range(2))
        state, browser = self._pending.begin(Begun(verifier, nonce, to))
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.back,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        where = str(about["authorization_endpoint"])
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}", browser

    def finish(self, state: str, browser: str, code: str) -> tuple[Caller, str]:
        """Who signed in, and where they wanted to go; each state is good once. Raises Problem for what wasn't begun so."""
        begun = self._pending.finish(state, browser)
        token = self._token(code, begun.verifier)
        caller = self.oidc.caller(token)
        nonces = caller.claims.get("nonce", ())
        if nonces != (begun.nonce,):
            raise Problem("unauthenticated", "the provider's token is of another sign-in", "begin again")
        return caller, begun.to

    def _token(self, code: str, verifier: str) -> str:
        """The id token that the provider gives for the code."""
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.back, "code_verifier": verifier}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.secret:
            both = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
        else:
            sent["client_id"] = self.client_id
        try:
            return str(_post(str(self.oidc.about()["token_endpoint"]), urlencode(sent).encode(), headers)["id_token"])
        except HTTPError as error:
            raise Problem("unauthenticated", "the provider refused the code", "begin again") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Problem("not_ready", "the provider can't be asked now", "try again in a moment") from error


def _post(url: str, body: bytes, headers: dict[str, str]) -> Any:
    if urlsplit(url).scheme not in {"https", "http"}:
        raise ValueError(url)
    with urlopen(Request(url, body, headers), timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked above
        return json.loads(answer.read(_MOST_BYTES))


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
