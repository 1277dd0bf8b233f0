"""What each platform sends today becomes exactly the events that are written beside it."""

from __future__ import annotations

import importlib

import caliper_events
import pytest
import xapi_statements
from hypothesis import given
from hypothesis import strategies as st
from mapping_claims import expected, kept_whole, mangled

from learnfold.ingest.mapping.file import load, shipped
from learnfold.ingest.mapping.translate import FORMS, Translated, Unmapped, translate

SENT = {
    "xapi": ("platform_moodle.CASES", "platform_openedx.XAPI", "platform_others.XAPI", "platform_forums.XAPI"),
    "caliper": (
        "platform_openedx.CALIPER",
        "platform_canvas.CASES",
        "platform_others.CALIPER",
        "platform_forums.CALIPER",
    ),
    "openedx-tracking-log": ("platform_records.TRACKING", "platform_forums.TRACKING"),
    "moodle-log": ("platform_records.MOODLE", "platform_forums.MOODLE"),
    "canvas-live-events": ("platform_records.CANVAS", "platform_forums.CANVAS"),
}


def _listed(place):
    """The cases of a module's list, each: title, document, topic, event or reason."""
    module, name = place.split(".")
    return getattr(importlib.import_module(module), name)


CASES = [
    (mapping, f"{module.removeprefix('platform_')} {case[0]}", *case[1:])
    for mapping, modules in SENT.items()
    for module in modules
    for case in _listed(module)
]


@pytest.mark.parametrize(("mapping", "title", "document", "topic", "becomes"), CASES, ids=[case[1] for case in CASES])
def test_what_a_platform_sends_becomes_its_event(mapping, title, document, topic, becomes):
    """A change of the mapping that alters any of them is seen here."""
    (result,) = translate(document, load(mapping))
    if topic:
        assert isinstance(result, Translated), result
        digest = {"event_id": result.event["event_id"]} if str(result.event["event_id"]).startswith("sha256:") else {}
        assert (topic, digest | expected(topic, becomes)) == (result.topic, result.event)
    else:
        assert Unmapped(becomes, document) == result


BASIC = {"xapi": xapi_statements.CASES, "caliper": caliper_events.CASES}
FURTHER = {"xapi": [xapi_statements.VOIDING]}
"""Documents that become something else than an event or nothing."""


@pytest.mark.parametrize("name", shipped())
def test_every_rule_has_a_document_that_it_decides(name):
    """No rule is out of reach behind another, and none is untested."""
    mapping, decided = load(name), set()
    documents = [case[1] for case in BASIC.get(name, [])] + [case[2] for case in CASES if case[0] == name]
    for document in [*documents, *FURTHER.get(name, ())]:
        for item in FORMS[mapping.reads](document, mapping.unpack):
            facets = {facet: tuple(value.all_of(item.source)) for facet, value in mapping.facets.items()}
            first = next((rule for rule in mapping.rules if rule.fits(item.source, facets)), None)
            assert mapping.deciding(item.source, facets) is first
            assert mapping.deciding(item.source, facets) is first  # by the rules that it remembers
            decided.add(first.about if first else None)
    assert [rule.about for rule in mapping.rules if rule.about not in decided] == []


@pytest.mark.parametrize(("mapping", "title", "document", "topic", "becomes"), CASES, ids=[case[1] for case in CASES])
def test_what_it_becomes_is_valid(mapping, title, document, topic, becomes):
    """Every event is one that the catalog's topics take, with fields of their types."""
    kept_whole(document, load(mapping))


LOGS = sorted(SENT.keys() - BASIC.keys())


@pytest.mark.parametrize("name", LOGS)
@given(data=st.data())
def test_mangled_rows_of_logs_never_raise(name, data):
    """Whatever is wrong in a row, what becomes of it can be kept."""
    kept_whole(data.draw(mangled([case[2] for case in CASES if case[0] == name])), load(name))


@pytest.mark.parametrize("number", [7, "7", "\ud800"])
def test_a_text_with_a_place_in_it_is_read_like_any_other(number):
    """An id that is put together is a text that can be written, or the row says that it isn't."""
    (row,) = [case[2] for case in CASES if case[:2] == ("moodle-log", "records.MOODLE login")]
    (result,) = translate(row | {"id": number}, load("moodle-log"))
    if number == "\ud800":
        assert isinstance(result, Unmapped)
        assert result.reason.endswith("can't be read as text")
    else:
        assert isinstance(result, Translated)
        assert result.event["event_id"] == "moodle-log:7"
