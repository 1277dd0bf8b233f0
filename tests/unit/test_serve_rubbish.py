"""Rubbish in whatever a stranger may send is refused: never an error of the server's own, never a traceback."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from dashboards import shown
from joserfc import jws
from joserfc.jwk import KeySet, RSAKey
from small_place import Place

from conftest import tries
from learnfold.cli import main
from learnfold.serve.oidc import Oidc
from learnfold.serve.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Client

TEXTS: list[bytes] = [
    b"",
    b" ",
    b"\x80\xff",
    b"[" * 3000,
    b'{"a":' * 1000,
    b"%00%ff%zz%",
    b"../../etc/passwd",
    b"'; DROP TABLE x; --",
    b"null",
    b"1e999",
    b"-1",
    b"NaN",
    "\u2028\u00e9\U0001f600".encode(),
    b"=;=;,,\"'",
    b"9" * 400,
    b"2025-99-99",
    b"bytes=9-1",
    b'W/"x", *',
    b"gzip;q=x",
]
VALUES: list[Any] = [None, 7, -1, 10**400, 1e308, True, "x", "\ud800", [], {}, [[]], {"a": 1}, ["me"], [None]]
ADDRESSES = [
    "/v1/views",
    "/v1/views/video_popularity",
    "/v1/views/video_total_watch_time/export",
    "/v1/views/video_popularity/key/v/c",
    "/v1/query",
    "/v1/explain/video_popularity/unique_viewers",
    "/v1/freshness",
    "/openapi.json",
    "/health/ready",
    "/",
    "/sign-in",
    "/sign-out",
    "/c/c",
    "/static/x.css",
]
HEADERS = ["authorization", "cookie", "accept", "accept-language", "accept-encoding", "if-none-match", "range"]
HEADERS += ["content-type", "content-length", "origin", "host", "x-forwarded-for", "sec-fetch-site", "last-event-id"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two viewers."""
    place = Place(tmp_path_factory.mktemp("rubbish"))
    place.watch(1, "ann", "bob")
    place.run()
    return place


@pytest.fixture(scope="module", params=["open", "tokens"])
def client(place: Place, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A server with its pages, for everyone of this machine or by token."""
    tokens = place.root / "tokens.json"
    more = {} if request.param == "open" else {"open": False, "tokens": str(tokens)}
    if more and not tokens.exists():
        assert main(["serve", "token", "--tokens", str(tokens), "--name", "ann"]) == 0
    with shown(place.out, **more) as found:
        yield found


def mangled(value: Any, chance: random.Random) -> Any:
    """The value with something else somewhere within it."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(list(value))
        return {**value, chance.choice([name, name, "x"]): mangled(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        return [*value[1:], mangled(value[0], chance)]
    return chance.choice(VALUES)


def body(chance: random.Random) -> bytes:
    """A query with something wrong in it, or no JSON at all."""
    query = {
        "view": "video_total_watch_time",
        "where": {"user_id": {"in": ["ann", "bob"]}, "total_seconds": {"gte": 1}},
        "columns": ["user_id"],
        "order": ["-user_id"],
        "limit": 2,
        "cursor": "x",
    }
    if chance.random() < 0.3:
        return chance.choice(TEXTS)
    return json.dumps(mangled({"queries": [query]}, chance)).encode()


@pytest.mark.parametrize("seed", range(tries(10)))
def test_no_request_breaks_the_server(client: Client, seed: int) -> None:
    """Its headers, cookies, address, query and body are what they like: the answer is a page, data or a problem."""
    chance = random.Random(seed)
    for _ in range(20):
        method = chance.choice(["GET", "GET", "POST", "HEAD", "OPTIONS", "PUT"])
        address = chance.choice(ADDRESSES)
        names = ["user_id.in", "limit", "order", "cursor", "columns", "to", "lang", "format", "user_id.gte", "x"]
        rubbish = "&".join(f"{n}={chance.choice(TEXTS).decode('latin-1')}" for n in chance.sample(names, 2))
        asked = f"{address}?{rubbish}" if chance.random() < 0.5 else address
        headers = {name: chance.choice(TEXTS).strip() for name in chance.sample(HEADERS, 3)}
        if chance.random() < 0.5:
            headers["cookie"] = b"; ".join(
                name + b"=" + chance.choice(TEXTS)
                for name in (b"learnfold_session", b"learnfold_signing_in", b"language", b"zone")
            )
        if chance.random() < 0.3:
            headers["authorization"] = b"Bearer " + chance.choice(TEXTS)
        about: dict[str, Any] = {"content": body(chance)} if method in {"POST", "PUT"} else {}
        headers.pop("content-length", None)
        if about and chance.random() < 0.7:
            headers["content-type"] = b"application/json"
        if chance.random() < 0.7:
            headers.pop("host", None)
        found = client.ask(method, asked, headers=headers, **about)
        assert found.status_code < 500, (method, asked, headers, about, found.text)
        assert "Traceback" not in found.text


def tokens() -> Iterator[str]:
    """Tokens that are none, and some that the provider signed, of odd claims."""

    def coded(value: Any) -> str:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    heads: list[Any] = [b"[" * 9000, b'{"a":' * 3000, b"\xff\xfe", b'{"alg":"RS256","alg":1e999}', *VALUES]
    heads += [{"alg": value} for value in (*VALUES, "none", "HS256")]
    heads += [
        {"alg": "RS256", "kid": "k1", name: value} for name in ("kid", "crit", "b64", "jwk", "typ") for value in VALUES
    ]
    yield from (f"{coded(head)}.{coded({'a': 1})}.{coded(b'sig')}" for head in heads)
    yield from ("", ".", "..", "...", "a.b", "a.b.c.d.e", "\0.\0.\0", "\u00e9.\u00e9.\u00e9", "\ud800.x.y", "=" * 50)
    claims = {"iss": "https://x.example", "aud": "me", "exp": 9_000_000_000, "sub": "ann"}
    for name in (*claims, "nbf", "iat", "roles"):
        for value in VALUES:
            yield jws.serialize_compact({"alg": "RS256", "kid": "k1"}, json.dumps(claims | {name: value}).encode(), KEY)
    for payload in (b"[" * 9000, b"[]", b"7", b"\xff", b""):
        yield jws.serialize_compact({"alg": "RS256", "kid": "k1"}, payload, KEY)


KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})


def test_no_token_breaks_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of any content is somebody's, or refused; also where the provider signed rubbish."""
    oidc = Oidc("https://x.example", "me")
    monkeypatch.setattr(oidc, "_fetch", lambda: KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]}))
    answers = [answer(oidc, token) for token in tokens()]
    assert set(answers) == {200, 401}


def answer(oidc: Oidc, token: str) -> int:
    """The status by which a token is answered to."""
    try:
        oidc.caller(token)
    except Problem as problem:
        return problem.status
    return 200
