"""What a request is refused with: problem+json (RFC 9457), with a code for programs and a hint for people."""

from __future__ import annotations

import json
from http import HTTPStatus

from learnfold.addresses import without_secrets

MEDIA_TYPE = "application/problem+json"

CODES: dict[str, tuple[int, str]] = {
    "bad_request": (400, "the request can't be read"),
    "unknown_parameter": (400, "a parameter is no column and nothing that is known"),
    "bad_value": (400, "a value can't be read as its column's type"),
    "bad_cursor": (400, "after is no cursor of this question"),
    "unauthenticated": (401, "who asks isn't known"),
    "forbidden": (403, "it isn't for who asks"),
    "not_found": (404, "there is no such thing, or it isn't for who asks"),
    "method_not_allowed": (405, "this address knows other methods"),
    "not_acceptable": (406, "none of the formats asked for is known"),
    "too_slow_request": (408, "the request took too long to arrive"),
    "batch_gone": (410, "the batch was removed"),
    "too_large": (413, "the request is too large"),
    "unsupported_media_type": (415, "the body isn't JSON"),
    "wrong_host": (421, "this server answers to local names only"),
    "internal": (500, "learnfold failed"),
    "busy": (503, "more is being asked than can be answered"),
    "timeout": (503, "the answer took too long"),
    "outdated": (503, "the view was computed by another definition than this server's"),
    "behind": (503, "what must be in isn't yet"),
    "not_ready": (503, "no batch can be answered from yet"),
}
"""Every code with its HTTP status and meaning; the OpenAPI document lists them."""


class Problem(Exception):  # noqa: N818 - as RFC 9457 calls it
    """A refusal: what is wrong and what to do."""

    def __init__(self, code: str, detail: str, hint: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.code, self.headers = code, headers or {}
        self.detail, self.hint = without_secrets(detail), without_secrets(hint)
        self.status = CODES[code][0]

    def body(self) -> bytes:
        """The problem as JSON."""
        value = {
            "type": f"urn:learnfold:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        return json.dumps(value | ({"hint": self.hint} if self.hint else {}), ensure_ascii=False).encode(
            "utf-8", "replace"
        )
