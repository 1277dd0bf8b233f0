"""What an answer says beside its rows: tags, headers, how far live numbers count."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import Response

from learnfold.serve import formats, live
from learnfold.serve.request import parameters_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from learnfold.catalog import View
    from learnfold.serve.access import Grant
    from learnfold.serve.answer import Page
    from learnfold.serve.question import Question
    from learnfold.serve.rows import Rows


def page_object(view: str, found: Page) -> dict[str, Any]:
    """A page as JSON shows it."""
    value = {"view": view, "rows": formats.objects(found.columns, found.rows), "next": found.next}
    return value if found.total is None else value | {"total": found.total}


def live_part(base: Rows, view: View) -> dict[str, Any]:
    """What an answer says of the live numbers in it."""
    if not isinstance(base, live.LiveBase):
        return {}
    return {"live": live.shown(base.progress, [topic.name for topic in view.topics])}


def tag_of(base: Rows, what: str, grant: Grant, question: Question, chosen: str) -> str:
    """The ETag of an answer: the same for the same rows, shown alike."""
    came = live_part(base, question.view).get("live", {}).get("offsets")
    asked = [question.digest, question.select, question.limit, question.after, question.count, question.batch]
    about = repr([base.batch, came, what, grant.digest, asked, chosen])
    return f'W/"{hashlib.sha256(about.encode("utf-8", "replace")).hexdigest()[:24]}"'


def unchanged(request: Request, tag: str) -> bool:
    """Whether who asks has that answer already."""
    given = request.headers.get("if-none-match", "")
    return tag in {part.strip() for part in given.split(",")}


def headers_of(tag: str, base: Rows | str) -> dict[str, str]:
    """Headers of every answer from a batch."""
    found = {
        "ETag": tag,
        "Learnfold-Batch": base if isinstance(base, str) else base.batch,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization",
    }
    return found | (live.headers(base.progress) if isinstance(base, live.LiveBase) else {})


def beside(request: Request, found: Page) -> dict[str, str]:
    """What formats without room for it say in headers."""
    headers = {}
    if found.next is not None:
        parameters = [(name, value) for name, value in parameters_of(request) if name != "after"]
        address = f"{request.url.path}?{urlencode([*parameters, ('after', found.next)])}"
        headers = {"Learnfold-Next": found.next, "Link": f'<{address}>; rel="next"'}
    return headers if found.total is None else headers | {"Learnfold-Total": str(found.total)}


def not_modified(tag: str, base: Rows | str) -> Response:
    """304."""
    return Response(status_code=304, headers=headers_of(tag, base))


def answer_json(request: Request, value: dict[str, Any], batch: Rows | str) -> Response:
    """A value as JSON, or 304 where who asks has it already."""
    request.state.batch = batch if isinstance(batch, str) else batch.batch
    body = formats.as_json(value)
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'
    if request.method != "POST" and unchanged(request, tag):
        return not_modified(tag, batch)
    return Response(body, media_type="application/json", headers=headers_of(tag, batch))


def health(value: dict[str, Any], status: int) -> Response:
    """What a health check reads; never kept."""
    return Response(
        formats.as_json(value), status_code=status, media_type="application/json", headers={"Cache-Control": "no-store"}
    )
