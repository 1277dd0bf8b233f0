"""People sign in at a provider with a browser: who began it, once, with proof; nobody else, and nothing that is forged."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from dashboards import enter, folded, shown
from joserfc import jwt
from joserfc.jwk import RSAKey
from small_place import Place

from learnfold.dashboard.signing import BROWSER
from learnfold.errors import UsageError
from learnfold.serve.code_flow import CodeFlow
from learnfold.serve.oidc import Oidc
from learnfold.serve.pending import SECONDS
from learnfold.serve.sessions import COOKIE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving import Client

CLIENT, SECRET = "learnfold", "s3cret/+ of ours"


class Provider:
    """A provider of our own: it signs ann in, and gives its token for her code to who proves to have begun."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
        self.codes: dict[str, dict[str, str]] = {}  # what was asked, by code
        self.claims: dict[str, Any] = {}  # that differ from the usual ones
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                value: Any = {"issuer": provider.issuer} | {k: f"{provider.issuer}/{v}" for k, v in known.items()}
                self.answer(200, {"keys": [provider.key.as_dict(private=False)]} if self.path == "/keys" else value)

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["content-length"])).decode()
                form = {name: values[0] for name, values in parse_qs(sent).items()}
                self.answer(*provider.exchanged(form, self.headers.get("authorization", "")))

            def answer(self, status: int, value: Any) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(value).encode())

            def log_message(self, *_: object) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def authorize(self, address: str) -> tuple[str, str]:
        """The code and the state that ann comes back with from there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return code, asked["state"]

    def exchanged(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, str]]:
        """The answer of the token endpoint: a code is good once, with the verifier of its challenge."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        client = base64.b64encode(b"learnfold:s3cret%2F%2B%20of%20ours").decode()
        if (
            asked is None
            or asked["code_challenge"] != challenge.decode().rstrip("=")
            or asked["redirect_uri"] != form["redirect_uri"]
            or authorization != f"Basic {client}"
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "ann", "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        claims |= {"roles": ["student"]} | self.claims
        return 200, {"id_token": jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key)}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """One provider."""
    found = Provider()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def client(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The dashboard of ann's and bob's course, where the provider signs people in."""
    place = Place(tmp_path_factory.mktemp("provider"))
    enter(place, "c", ["ann", "bob"])
    folded(place)
    (place.root / "secret.txt").write_text(SECRET + "\n")
    access = place.root / "access.toml"
    access.write_text(
        f'[oidc]\nissuer = "{provider.issuer}"\naudience = "api"\nclient_id = "{CLIENT}"\nclient_secret = "secret.txt"\n'
        'address = "http://localhost:8080"\n[[rules]]\nrole = "student"\nviews = ["*"]\ncolumn = "user_id"\nclaim = "sub"\n'
    )
    with shown(place.out, open=False, access=str(access)) as found:
        yield found


def leave(client: Client, to: str = "/c/c") -> tuple[str, str]:
    """The provider's address that a browser is sent to, and its cookie."""
    found = client.get(f"/sign-in/with?to={to}")
    assert found.status_code == 303
    cookie = found.headers["set-cookie"]
    assert cookie.startswith(BROWSER)
    assert "HttpOnly" in cookie
    return found.headers["location"], cookie.partition(";")[0]


def back(client: Client, code: str, state: str, cookie: str) -> Any:
    """The provider sends the browser back."""
    return client.get("/sign-in/back", params={"code": code, "state": state}, headers={"cookie": cookie})


def session(found: Any) -> str:
    """The cookie of the session that began."""
    return next(one for one in found.headers.get_list("set-cookie") if one.startswith(COOKIE)).partition(";")[0]


def test_a_student_signs_in_and_sees_what_is_theirs(client: Client, provider: Provider) -> None:
    """From a page through the provider back to that page, by the rules of the token's claims."""
    assert client.get("/c/c").headers["location"] == "/sign-in?to=%2Fc%2Fc"
    assert "/sign-in/with?to=%2Fc%2Fc" in client.get("/sign-in?to=/c/c").text
    address, cookie = leave(client)
    found = back(client, *provider.authorize(address), cookie)
    assert (found.status_code, found.headers["location"]) == (303, "/c/c")
    with_it = {"cookie": session(found)}
    assert client.get("/c/c/s/ann", headers=with_it).status_code == 200
    assert client.get("/c/c/s/bob", headers=with_it).status_code == 404


def test_each_sign_in_has_secrets_of_its_own(client: Client) -> None:
    """State, nonce, challenge and cookie never come twice."""
    one, other = (leave(client) for _ in range(2))
    first, second = (parse_qs(urlsplit(address).query) for address, _ in (one, other))
    assert all(first[name] != second[name] for name in ("state", "nonce", "code_challenge"))
    assert one[1] != other[1]


def test_nobody_finishes_what_another_began(client: Client, provider: Provider) -> None:
    """Without the cookie, with another's, with a state that is unknown, a second time, or with a code of another sign-in."""
    address, cookie = leave(client)
    other_address, other_cookie = leave(client)
    code, state = provider.authorize(address)
    assert back(client, code, "unknown", cookie).status_code == 401
    assert back(client, code, state, other_cookie).status_code == 401
    assert back(client, code, state, cookie).status_code == 401, "the state was used up"
    stolen, _ = provider.authorize(address)
    _, other_state = provider.authorize(other_address)
    assert back(client, stolen, other_state, other_cookie).status_code == 401, "the code is of another challenge"
    address, _ = leave(client)
    assert back(client, *provider.authorize(address), "").status_code == 401
    assert client.get("/sign-in/back?error=access_denied&state=x").status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"nonce": "other"}, {"aud": "api"}, {"iss": "https://other"}, {"exp": 1}, {"sub": None}]
)
def test_a_token_that_is_another_s_signs_nobody_in(client: Client, provider: Provider, wrong: dict[str, Any]) -> None:
    """Of another sign-in, for another client, from another provider, of another time, of nobody."""
    provider.claims = wrong
    try:
        address, cookie = leave(client)
        found = back(client, *provider.authorize(address), cookie)
        assert found.status_code == 401
        assert COOKIE not in str(found.headers.get_list("set-cookie"))
    finally:
        provider.claims = {}


def test_what_was_begun_is_good_for_ten_minutes(provider: Provider) -> None:
    """And where a browser wanted to go is ours."""
    now = [0.0]
    flow = CodeFlow(Oidc(provider.issuer, CLIENT), CLIENT, SECRET, "http://localhost", lambda: now[0])
    address, browser = flow.begin("/")
    code, state = provider.authorize(address)
    now[0] = SECONDS
    with pytest.raises(Exception, match="too long ago"):
        flow.finish(state, browser, code)


def test_browsers_know_this_server_by_https() -> None:
    """Else a code would travel in the open."""
    with pytest.raises(UsageError, match="isn't an https address"):
        CodeFlow(Oidc("https://p", CLIENT), CLIENT, SECRET, "http://views.example")
