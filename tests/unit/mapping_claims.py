"""What both mappings must keep, whatever document they are given."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from learnfold import catalog
from learnfold.ingest.mapping.translate import Translated, Unmapped, translate

if TYPE_CHECKING:
    from learnfold.ingest.mapping.model import Mapping

TYPES = {"VARCHAR": str, "TIMESTAMP": str, "INTEGER": int, "DOUBLE": (int, float), "VARCHAR[]": list}

rubbish = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        [
            "",
            " ",
            "PT",
            "P1Y",
            "0[.]",
            "[,]",
            "null[.]3",
            "9[.]1",
            "\ud800",
            "NaN",
            "1_0",
            "2025-12-10",
            "0001-01-01T00:00:00+14:00",
            10**400,
            -0.0,
            1e300,
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(
                ["id", "type", "@id", "data", "action", "verb", "statement", "statements", "actor", "object"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
"""Anything JSON can hold, and what it can't."""


@st.composite
def mangled(draw: st.DrawFn, documents: list[Any]) -> Any:
    """One of ``documents`` with one to three of its values (at any depth) replaced by rubbish or taken away."""
    document = json.loads(json.dumps(draw(st.sampled_from(documents))))
    for _ in range(draw(st.integers(1, 3))):
        node = document
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(node[key], dict | list) and draw(st.booleans()):
                node = node[key]
                continue
            if draw(st.booleans()):
                node[key] = draw(rubbish)
            else:
                del node[key]
            break
    return document


def kept_whole(document: Any, mapping: Mapping) -> list[Translated | Unmapped]:
    """Translates, and asserts that every result is one that ingestion can take: valid by the catalog, and JSON."""
    results = translate(document, mapping)
    topics = catalog.load().topics
    for result in results:
        if isinstance(result, Unmapped):
            assert result.reason.strip()
            result.reason.encode()
            continue
        json.dumps(result.event, allow_nan=False)
        fields = {field.name: field for field in topics[result.topic].sent}
        assert {"event_id", "event_category", "event_type", "user_id", "timestamp"} <= result.event.keys()
        for name, value in result.event.items():
            assert name in fields or name in mapping.extra_fields, name
            if name in fields:
                assert isinstance(value, TYPES[fields[name].type]), (name, value)
            assert not isinstance(value, bool)
            if isinstance(value, str):
                assert value.strip(), name
                value.encode()
            elif not isinstance(value, list):
                assert 0 <= value <= 1e15, (name, value)
                assert math.isfinite(value), (name, value)
                assert name not in fields or fields[name].type != "INTEGER" or value < 2**31
    return results


def expected(topic: str, event: dict[str, Any]) -> dict[str, Any]:
    """``event`` as translated: with its topic's category."""
    return {"event_category": topic.removesuffix("_topic").upper(), **event}
