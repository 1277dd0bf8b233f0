"""The quick ways in which DuckDB's macros read texts: of any text they say what the rule says."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tries
from learnfold.catalog import values
from learnfold.engines.duckdb.functions import macros
from learnfold.settings import Zones

ASCII = [chr(code) for code in range(1, 128)]
LIKE_TYPES = ["LOGIN", "VIEW_2", "Z", "A_"]
LIKE_IDS = [*values.NO_IDS, "e-1", "7", "5f0c1a52-6e0f-4b9e-9d0e-0a1b2c3d4e5f", "x" * 36]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that has the macros."""
    with duckdb.connect() as found:
        for statement in macros(Zones()):
            found.execute(statement)
        yield found


def asked(connection: duckdb.DuckDBPyConnection, function: str, texts: list[str]) -> list[str | None]:
    """What the macro makes of each text."""
    call = f"SELECT {function}(t) FROM (SELECT unnest(?::VARCHAR[]) AS t, generate_subscripts(?, 1) AS n) ORDER BY n"
    return [row[0] for row in connection.execute(call, [texts, texts]).fetchall()]


def event_type(text: str) -> str | None:
    """Trimmed, the letters of ASCII in upper case; a blank one is none."""
    capitals = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
    return text.strip(values.SPACES).translate(capitals) or None


def event_id(text: str) -> str | None:
    """As it is, a UUID in lower case; none where it's blank or stands for none."""
    if not text.strip(values.SPACES) or text.lower() in values.NO_IDS:
        return None
    return text.lower() if re.fullmatch(values.UUID, text) else text


def near(words: list[str]) -> st.SearchStrategy[str]:
    """Texts of any characters, and words with some of them changed, before or after."""
    any_text = st.text(st.characters(exclude_characters="\0İ", exclude_categories=("Cs",)), max_size=40)
    some = st.text(st.sampled_from([*ASCII, *values.SPACES, "É", "ß", "é", "Ł", "́"]), max_size=2)
    word = st.sampled_from([*words, *map(str.lower, words), *map(str.upper, words), *map(str.title, words)])
    return st.one_of(any_text, st.builds("{}{}{}".format, some, word, some), st.builds("{}{}".format, some, some))


@pytest.mark.parametrize(
    ("function", "rule", "words"),
    [("read_event_type", event_type, LIKE_TYPES), ("read_event_id", event_id, LIKE_IDS)],
)
def test_every_character_is_read_as_the_rule_says(
    connection: duckdb.DuckDBPyConnection, function: str, rule: Callable[[str], str | None], words: list[str]
) -> None:
    """Of ASCII and all white space, alone and before, after and within a word."""
    characters = [*ASCII, *values.SPACES]
    texts = [*words, *characters]
    texts += [
        text for one in characters for word in words for text in (one + word, word + one, word[:1] + one + word[1:])
    ]
    assert [rule(text) for text in texts] == asked(connection, function, texts)


@given(types=st.lists(near(LIKE_TYPES), max_size=30), ids=st.lists(near(LIKE_IDS), max_size=30))
@settings(max_examples=tries(100), deadline=None)
def test_any_text_is_read_as_the_rule_says(
    connection: duckdb.DuckDBPyConnection, types: list[str], ids: list[str]
) -> None:
    """Event types and ids."""
    assert [event_type(text) for text in types] == asked(connection, "read_event_type", types)
    assert [event_id(text) for text in ids] == asked(connection, "read_event_id", ids)
