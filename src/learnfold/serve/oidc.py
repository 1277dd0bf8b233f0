"""Bearer tokens of an OpenID Connect provider: whose they are, by its published keys."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from learnfold.errors import UsageError
from learnfold.serve.callers import Caller
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]
"""Signatures by a private key alone: never ``none``, and never a secret that a public key could be taken for."""

KEYS_SECONDS = 3600.0
AGAIN_SECONDS = 30.0
"""Keys are fetched again for a key that isn't known, but not more often."""

LEEWAY_SECONDS = 60
_MOST_BYTES = 1_000_000
_TIMEOUT_SECONDS = 5.0
_LONGEST = 16_384
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)
"""What reading a token raises that isn't good, whatever is in it."""


class Oidc:
    """One provider; its keys are kept, and fetched again when they are old or a token names another."""

    def __init__(
        self, issuer: str, audience: str, roles: str = "roles", clock: Callable[[], float] = time.time, keys: str = ""
    ) -> None:
        """``roles``: the claim that holds the roles, its parts joined by dots. Raises UsageError for an issuer that isn't https.

        ``keys``: where its keys are, for one that doesn't say so itself.
        """
        parts = urlsplit(issuer)
        if parts.scheme != "https" and not (
            parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
        ):
            raise UsageError(f"the issuer {issuer} isn't an https address")
        self.issuer, self.audience, self.roles, self.clock = issuer, audience, roles, clock
        self.keys_address = keys
        self.again_seconds = AGAIN_SECONDS
        self._mutex = threading.Lock()
        self._keys: KeySet | None = None
        self._fetched = 0.0
        self._secret = secrets.token_bytes(16)  # labels are told apart while the server runs, and tell nobody

    def caller(self, token: str) -> Caller:
        """Whose token it is; may fetch keys. Raises Problem where it isn't the provider's, for us, and of now."""
        claims = self.claims(token)
        subject = claims["sub"]
        label = hmac.new(self._secret, subject.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:8]
        roles = _texts(_within(claims, self.roles))
        return Caller(f"oidc:{label}", roles or ("",), {name: _texts(value) for name, value in claims.items()})

    def claims(self, token: str) -> dict[str, Any]:
        """What the token says; may fetch keys. Raises Problem where it isn't the provider's, for us, and of now."""
        if len(token) > _LONGEST:
            raise self._refused("the token is too long")
        try:
            return self._verified(token, self._held(KEYS_SECONDS))
        except _UNREADABLE:
            try:
                return self._verified(token, self._held(self.again_seconds))
            except _UNREADABLE as error:
                raise self._refused(f"the token isn't good here ({type(error).__name__})") from error

    def _verified(self, token: str, keys: KeySet) -> dict[str, Any]:
        found = jwt.decode(token, keys, algorithms=ALGORITHMS)
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self.clock()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        registry.validate(found.claims)
        if not isinstance(found.claims["sub"], str):
            raise TypeError("sub")
        return found.claims

    def _held(self, oldest: float) -> KeySet:
        """The keys; fetched again where they are older than so many seconds."""
        with self._mutex:
            age = time.monotonic() - self._fetched
            if self._keys is None or age > oldest:
                keys = self._fetch()
                if keys is not None:
                    self._keys, self._fetched = keys, time.monotonic()
            if self._keys is None:
                raise Problem(
                    "not_ready", "the keys of those who sign people in can't be read now", "ask again in a moment"
                )
            return self._keys

    def about(self) -> dict[str, Any]:
        """What the provider says of itself; raises Problem where it can't be asked, or says another's name."""
        try:
            found: dict[str, Any] = _read(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found["issuer"] == self.issuer:
                return found
        except (OSError, ValueError, KeyError, TypeError):
            pass
        raise Problem("not_ready", "the provider that signs people in can't be asked now", "try again in a moment")

    def _fetch(self) -> KeySet | None:
        try:
            keys = _read(self.keys_address or self.about()["jwks_uri"])["keys"]
            signing = [key for key in keys if key.get("kty") in {"RSA", "EC", "OKP"} and key.get("use", "sig") == "sig"]
            return KeySet.import_key_set({"keys": signing})
        except (OSError, ValueError, KeyError, TypeError, JoseError, Problem):
            return None

    def _refused(self, detail: str) -> Problem:
        challenge = 'Bearer realm="learnfold", error="invalid_token"'
        return Problem("unauthenticated", detail, "sign in again", {"WWW-Authenticate": challenge})


def _read(url: str) -> Any:
    if urlsplit(url).scheme not in {"https", "http"}:
        raise ValueError(url)
    with urlopen(Request(url, headers={"Accept": "application/json"}), timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - checked above
        return json.loads(answer.read(_MOST_BYTES))


def _within(claims: dict[str, Any], path: str) -> Any:
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _texts(value: Any) -> tuple[str, ...]:
    """A claim's texts: one, or several in a list; a number is none, since ids are texts."""
    values = value if isinstance(value, list) else [value]
    return tuple(one for one in values if isinstance(one, str) and one)
