"""Tokens for programs: kept as digests in a file of JSON, each with what it may ask for and until when.

A token is 256 random bits, so that its SHA-256 tells nothing about it and needs no salt.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from learnfold.errors import DataError, UsageError
from learnfold.serve.callers import Caller
from learnfold.storage.stored_types import UNREADABLE

PREFIX = "lf_"


@dataclass(frozen=True)
class Token:
    """What the file holds of a token."""

    name: str
    sha256: str
    created_at: str  # UTC
    expires_at: str | None  # UTC; None: never
    role: str | None = None  # None: all rows of ``views``
    views: tuple[str, ...] = ("*",)  # patterns
    claims: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and datetime.fromisoformat(self.expires_at) <= now

    @property
    def caller(self) -> Caller:
        """Who asks with it."""
        return Caller(f"token:{self.name}", (self.role,) if self.role else (), self.claims, self.views)


class Tokens:
    """The tokens of a file, read again when it changes."""

    def __init__(self, path: str) -> None:
        """Raises UsageError where there is no such file, DataError where it holds something else."""
        self.path = Path(path)
        self.look_seconds = 1.0
        self._mutex = threading.Lock()
        self._looked, self._stamp = 0.0, (0, 0, 0)
        self._tokens: dict[str, Token] = {}
        if not self.path.is_file():
            raise UsageError(f"there is no file {path}; 'learnfold serve token --tokens {path} --name NAME' makes one")
        self._read()

    def caller(self, text: str) -> Caller | None:
        """Who asks with this token; None where it isn't known or its time is over."""
        with self._mutex:
            if time.monotonic() - self._looked > self.look_seconds:
                self._read()
            tokens = self._tokens
        token = tokens.get(_sha256(text))
        return None if token is None or token.expired(datetime.now(UTC)) else token.caller

    def _read(self) -> None:
        self._looked = time.monotonic()
        try:
            about = self.path.stat()
        except OSError:
            self._tokens = {}  # a file that is gone lets nobody in
            return
        stamp = (about.st_mtime_ns, about.st_size, about.st_ino)
        if stamp != self._stamp:
            self._tokens = {token.sha256: token for token in read_tokens(self.path)}
            self._stamp = stamp


def read_tokens(path: Path) -> list[Token]:
    """What the file holds, in order; none where there is no file. Raises DataError where it is no file of tokens."""
    try:
        entries = json.loads(path.read_text("utf-8"))["tokens"] if path.exists() else []
        return [_token(entry) for entry in entries]
    except (OSError, *UNREADABLE) as error:
        raise DataError(f"{path} is no file of tokens ({error!r}); 'learnfold serve token' writes one") from error


def add_token(path: Path, token: Token) -> None:
    """Adds a token to the file; raises UsageError where its name is taken."""
    tokens = read_tokens(path)
    if any(other.name == token.name for other in tokens):
        raise UsageError(f"{path} has a token called {token.name}; --revoke {token.name} takes it back")
    _write(path, [*tokens, token])


def revoke(path: Path, name: str) -> None:
    """Takes a token back; raises UsageError where there is none of that name."""
    tokens = read_tokens(path)
    if all(token.name != name for token in tokens):
        raise UsageError(f"{path} has no token called {name}; it has {', '.join(t.name for t in tokens) or 'none'}")
    _write(path, [token for token in tokens if token.name != name])


def new_token(name: str, days: float | None, **about: Any) -> tuple[str, Token]:
    """A new token, which is shown once, and what is kept of it."""
    text = PREFIX + secrets.token_urlsafe(32)
    now = datetime.now(UTC).replace(microsecond=0)
    expires = None if days is None else (now + timedelta(days=days)).isoformat()
    return text, Token(name, _sha256(text), now.isoformat(), expires, **about)


def _token(entry: dict[str, Any]) -> Token:
    claims = {name: tuple(values) for name, values in entry.get("claims", {}).items()}
    token = Token(**{**entry, "views": tuple(entry.get("views", ("*",))), "claims": claims})
    token.expired(datetime.now(UTC))
    return token


def _write(path: Path, tokens: list[Token]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps({"tokens": [asdict(token) for token in tokens]}, indent=2) + "\n", "utf-8")
    unfinished.replace(path)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
