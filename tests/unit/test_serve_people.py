"""People sign in: by tokens of an OpenID Connect provider, or through a proxy; nothing that is forged is believed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from rules_of_access import STUDENT, TEACHER
from serving import Client, refused, served
from small_place import Place

from learnfold.errors import UsageError
from learnfold.serve.oidc import Oidc
from learnfold.serve.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Provider:
    """A provider of our own, on this machine."""

    def __init__(self) -> None:
        self.keys = {"k1": RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})}
        self.asked = 0
        self.down = False
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                value: Any = {"issuer": provider.issuer, "jwks_uri": f"{provider.issuer}/keys"}
                if self.path == "/keys":
                    value = {"keys": [key.as_dict(private=False) for key in provider.keys.values()]}
                self.send_response(500 if provider.down else 200)
                self.end_headers()
                self.wfile.write(json.dumps(value).encode())

            def log_message(self, *_: object) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, kid: str = "k1", alg: str = "RS256", **claims: Any) -> str:
        """A token as the provider makes it; a claim of None is left out."""
        now = int(time.time())
        usual = {
            "iss": self.issuer,
            "aud": "learnfold",
            "sub": "ann",
            "iat": now,
            "exp": now + 300,
            "roles": ["student"],
        }
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode({"alg": alg, "kid": kid}, said, self.keys[kid], algorithms=[alg])


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """One provider."""
    found = Provider()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def client(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server of what ann and bob watched, in courses c and d, for those who the provider signs in."""
    place = Place(tmp_path_factory.mktemp("people"))
    place.watch(1, "ann", "bob")
    place.watch(2, "ann", course_id="d")
    place.run()
    access = place.root / "access.toml"
    access.write_text(f'[oidc]\nissuer = "{provider.issuer}"\naudience = "learnfold"\n{STUDENT}{TEACHER}')
    with served(place.out, open=False, access=str(access)) as found:
        yield found


def ask(client: Client, token: str) -> Any:
    """What the token's bearer is answered."""
    return client.get("/v1/views/video_student_engagement", headers={"authorization": f"Bearer {token}"})


def seen(client: Client, token: str) -> set[tuple[str, str]]:
    """The people and courses of the rows that the token's bearer sees."""
    found = ask(client, token)
    assert found.status_code == 200, found.text
    return {(row["user_id"], row["course_id"]) for row in found.json()["rows"]}


def test_claims_decide_what_is_seen(client: Client, provider: Provider) -> None:
    """A student's own rows, a teacher's courses, whether one or several; another audience beside ours is fine."""
    assert seen(client, provider.token()) == {("ann", "c"), ("ann", "d")}
    assert seen(client, provider.token(sub="bob", aud=["x", "learnfold"])) == {("bob", "c")}
    assert seen(client, provider.token(roles="teacher", courses="d")) == {("ann", "d")}
    assert seen(client, provider.token(roles=["teacher"], courses=["c"])) == {("ann", "c"), ("bob", "c")}
    assert seen(client, provider.token(sub="zoe")) == set()
    assert seen(client, provider.token(roles=["teacher"])) == set()
    for roles in (None, [], ["cook"], {"student": True}, ""):
        refused(ask(client, provider.token(roles=roles)), 403, "forbidden")


def test_a_person_of_two_roles_asks_as_one_of_them(client: Client, provider: Provider) -> None:
    """By ``as``; without it, by the first rule of the file."""
    token = provider.token(roles=["teacher", "student"], courses=["c"])
    assert seen(client, token) == {("ann", "c"), ("ann", "d")}
    headers = {"authorization": f"Bearer {token}"}
    rows = client.json("/v1/views/video_student_engagement?as=teacher", headers=headers)["rows"]
    assert {row["user_id"] for row in rows} == {"ann", "bob"}


def test_the_clocks_may_differ_by_a_minute(client: Client, provider: Provider) -> None:
    """Not by more."""
    now = int(time.time())
    assert ask(client, provider.token(exp=now - 30)).status_code == 200
    assert ask(client, provider.token(nbf=now + 30)).status_code == 200
    refused(ask(client, provider.token(exp=now - 120)), 401, "unauthenticated")
    refused(ask(client, provider.token(nbf=now + 120)), 401, "unauthenticated")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": None},
        {"exp": "tomorrow"},
        {"sub": None},
        {"sub": 17},
    ],
    ids=str,
)
def test_a_token_that_isnt_for_us_is_refused(client: Client, provider: Provider, claims: dict[str, Any]) -> None:
    """Whatever it lacks, and with no word of what is in it."""
    found = ask(client, provider.token(**claims))
    refused(found, 401, "unauthenticated")
    assert "evil" not in found.text
    assert "error" in found.headers["www-authenticate"]


def part(value: Any) -> str:
    """A part of a token."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def test_a_forged_token_is_refused(client: Client, provider: Provider) -> None:
    """Without a signature, with one by a secret that is our public key, by another key, of another payload, or of no form."""
    good = provider.token()
    head, body, mark = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = RSAKey.generate_key(2048, {"kid": "k1"})
    public = provider.keys["k1"].as_pem(private=False)
    unsigned = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part(claims)}"
    confused = f"{unsigned}.{part(hmac.new(public, unsigned.encode(), hashlib.sha256).digest())}"
    forged = [
        f"{part({'alg': 'none'})}.{part(claims)}.",
        f"{part({'alg': 'None', 'kid': 'k1'})}.{part(claims)}.{mark}",
        confused,
        jwt.encode({"alg": "RS256", "kid": "k1"}, claims, other, algorithms=["RS256"]),
        jwt.encode(
            {"alg": "RS256", "kid": "k1", "jwk": other.as_dict(private=False)}, claims, other, algorithms=["RS256"]
        ),
        f"{head}.{part(claims | {'sub': 'bob'})}.{mark}",
        f"{head}.{body}.",
        f"{head}.{body}",
        good[:-4],
        "a.b.c",
        "x" * 20_000,
        "",
    ]
    for token in forged:
        refused(ask(client, token), 401, "unauthenticated")
    assert ask(client, good).status_code == 200


def test_other_kinds_of_keys_are_known_too_and_new_ones_are_fetched(provider: Provider) -> None:
    """A key that appears after the keys were read is found when a token names it; but they aren't asked for at every bad token."""
    oidc = Oidc(provider.issuer, "learnfold")
    assert oidc.caller(provider.token()).claims["sub"] == ("ann",)
    provider.keys["k2"] = ECKey.generate_key("P-256", {"kid": "k2"})
    provider.keys["k3"] = OKPKey.generate_key("Ed25519", {"kid": "k3"})
    oidc.again_seconds = -1.0
    assert oidc.caller(provider.token("k2", "ES256")).claims["sub"] == ("ann",)
    assert oidc.caller(provider.token("k3", "Ed25519")).claims["sub"] == ("ann",)
    oidc.again_seconds = 30.0
    before = provider.asked
    for _ in range(5):
        with pytest.raises(Exception, match="isn't good here"):
            oidc.caller(provider.token("k2", "ES256", aud="other"))
    assert provider.asked == before


def test_a_provider_that_is_down_leaves_its_keys(provider: Provider) -> None:
    """Who has a good token is still let in; a server that never read keys says that it isn't ready."""
    oidc = Oidc(provider.issuer, "learnfold")
    token = provider.token()
    oidc.caller(token)
    provider.down = True
    try:
        oidc.again_seconds = -1.0
        assert oidc.caller(token).claims["sub"] == ("ann",)
        with pytest.raises(Exception, match="can't be read now"):
            Oidc(provider.issuer, "learnfold").caller(token)
    finally:
        provider.down = False


def test_an_issuer_is_asked_over_tls() -> None:
    """Else whoever is between could sign people in."""
    for issuer in ("http://login.example", "ftp://x", "login.example", "http://127.0.0.1.evil.example"):
        with pytest.raises(UsageError, match="isn't an https address"):
            Oidc(issuer, "learnfold")


def test_roles_may_lie_deeper_in_a_token(provider: Provider) -> None:
    """As Keycloak puts them."""
    oidc = Oidc(provider.issuer, "learnfold", "realm_access.roles")
    assert oidc.caller(provider.token(realm_access={"roles": ["teacher"]})).roles == ("teacher",)


def test_the_log_tells_people_apart_and_names_none(client: Client, provider: Provider) -> None:
    """The same person has the same mark; it isn't made from the id alone."""
    client.said.clear()
    for subject in ("ann", "ann", "bob"):
        ask(client, provider.token(sub=subject))
    marks = [line.partition("caller=")[2].split()[0] for line in client.said]
    assert marks[0] == marks[1] != marks[2]
    assert "ann" not in "".join(client.said)
    assert hashlib.sha256(b"ann").hexdigest()[:8] not in "".join(client.said)


def test_a_proxys_word_is_believed_from_its_addresses_alone(tmp_path: Path) -> None:
    """From elsewhere the same headers sign nobody in."""
    place = Place(tmp_path)
    place.watch(1, "ann", "bob")
    place.run()
    access = tmp_path / "access.toml"
    access.write_text(f'[proxy]\naddresses = ["10.1.0.0/16"]\nuser = "X-User"\nroles = "X-Roles"\n{STUDENT}{TEACHER}')
    headers = {"x-user": "ann", "x-roles": "student, x"}
    with served(place.out, open=False, access=str(access)) as client:
        for peer, expected in {"10.1.2.3": 200, "10.2.0.1": 401, "127.0.0.1": 401, "::1": 401}.items():
            client.peer = peer
            found = client.get("/v1/views/video_total_watch_time", headers=headers)
            assert (peer, found.status_code) == (peer, expected)
        client.peer = "10.1.2.3"
        rows = client.json("/v1/views/video_total_watch_time", headers=headers)["rows"]
        assert {row["user_id"] for row in rows} == {"ann"}
        refused(client.get("/v1/views", headers={"x-roles": "student"}), 401, "unauthenticated")
        refused(client.get("/v1/views", headers=headers | {"authorization": "Bearer x"}), 401, "unauthenticated")
    for bad in ([], ["proxy.example"], ["10.1.0.1/16"]):
        with pytest.raises(UsageError, match=r"\[proxy\]"):
            Proxy(bad)
