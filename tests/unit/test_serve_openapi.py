"""The OpenAPI document says what is answered: whatever it allows is answered as it says, and never by a failure of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from serving import awkward_place, listening

from conftest import tries
from learnfold.catalog import load
from learnfold.serve import events
from learnfold.serve.openapi import openapi

if TYPE_CHECKING:
    from collections.abc import Iterator

SOME = ("auth_user_activity_summary", "course_daily_engagement")
"""Views with keys of two and three columns, and columns of every type but DOUBLE."""

schema = schemathesis.openapi.from_dict(openapi([load().views[name] for name in SOME]))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server, listening; its streams of events end at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "STREAM_SECONDS", 0.01)
        patch.setattr(events, "LOOK_SECONDS", 0.02)
        yield from listening(awkward_place(tmp_path_factory.mktemp("openapi")))


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=tries(10), suppress_health_check=list(HealthCheck), deadline=None)
def test_what_the_document_allows_is_answered_as_it_says(case: schemathesis.Case, address: str) -> None:
    """Any parameters and bodies, sensible or not: a documented status, its media type and its schema, and no failure of ours."""
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    case.call_and_validate(base_url=address, checks=checks)


def test_the_server_answers_its_own_document(address: str) -> None:
    """All views are in it, with a schema each."""
    found = httpx.get(f"{address}/openapi.json").json()
    assert found == openapi(list(load().views.values()))
    assert {f"/v1/views/{name}" for name in load().views} <= set(found["paths"])
