"""A learning platform's side of an LTI 1.3 launch, made from the standard: for tests of ours."""

from __future__ import annotations

import html
import http.server
import json
import threading
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from learnfold.serve.launch import LAUNCH, LOGIN

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
ROLE = "http://purl.imsglobal.org/vocab/lis/v2/"
TEACHER, LEARNER = f"{ROLE}membership#Instructor", f"{ROLE}membership#Learner"
ADDRESS = "https://views.example"
HTML = "text/html; charset=utf-8"
REGISTERED = {"iss", "aud", "azp", "sub", "iat", "exp", "nonce"}
"""The claims that aren't LTI's own."""


class Platform:
    """A platform of our own: the other side of the standard, which signs what it says of who comes."""

    def __init__(self) -> None:
        self.tool = ADDRESS  # where it sends browsers to
        self.key = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"})
        platform = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content, kind = platform.page(self.path)
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(content.encode())

            def log_message(self, *_: object) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self, path: str) -> tuple[str, str]:
        """What it answers: its keys, a course's page with the tool in a frame, or who comes, as a form that sends itself."""
        address = urlsplit(path)
        if address.path == "/keys":
            return json.dumps({"keys": [self.key.as_dict(private=False)]}), "application/json"
        if address.path == "/course":
            return _sends(
                self.tool + LOGIN, self.begins(), "tool", "<iframe name=tool width=900 height=600></iframe>"
            ), HTML
        if address.path == "/auth":
            asked = dict(parse_qsl(address.query))
            return _sends(
                self.tool + LAUNCH, {"id_token": self.signed(self.says(asked)), "state": asked["state"]}
            ), HTML
        return f'<iframe src="{self.tool}/c/mine" width=900 height=600></iframe>', HTML

    def begins(self, **more: str) -> dict[str, str]:
        """What it sends a browser to begin with."""
        about = {"iss": self.issuer, "login_hint": "17", "target_link_uri": ADDRESS, "lti_message_hint": "m"}
        return about | {"client_id": "ours", "lti_deployment_id": "1"} | more

    def says(self, asked: dict[str, str], **more: Any) -> dict[str, Any]:
        """What it says of who comes; what is None is left out."""
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "aud": "ours",
            "sub": "mine-0",
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
            f"{CLAIM}message_type": "LtiResourceLinkRequest",
            f"{CLAIM}version": "1.3.0",
            f"{CLAIM}deployment_id": "1",
            f"{CLAIM}target_link_uri": ADDRESS,
            f"{CLAIM}resource_link": {"id": "r"},
            f"{CLAIM}context": {"id": "mine"},
            f"{CLAIM}roles": [TEACHER],
        } | {name if name in REGISTERED else CLAIM + name: value for name, value in more.items()}
        return {name: value for name, value in said.items() if value is not None}

    def signed(self, said: dict[str, Any]) -> str:
        """The token."""
        return jwt.encode({"alg": "RS256", "kid": "k1"}, said, self.key)


def _sends(address: str, said: dict[str, str], target: str = "_self", more: str = "") -> str:
    """A page whose form sends itself."""
    fields = "".join(f'<input type=hidden name="{html.escape(k)}" value="{html.escape(v)}">' for k, v in said.items())
    form = f'<form method=post action="{html.escape(address)}" target="{target}">{fields}</form>'
    return f"<!doctype html><title>Course</title>{more}{form}<script>document.forms[0].submit()</script>"


def registered(platform: Platform, more: str = "") -> str:
    """The part of an access file that registers it."""
    return (
        f'[lti]\naddress = "{ADDRESS}"\n[[lti.platforms]]\nissuer = "{platform.issuer}"\nclient_id = "ours"\n'
        f'deployments = ["1", "2"]\nlogin = "{platform.issuer}/auth?x=1"\nkeys = "{platform.issuer}/keys"\n{more}\n'
    )
