"""What pages say is said in every language, and nothing is kept that no page says."""

from __future__ import annotations

import re
import string
from datetime import date
from pathlib import Path

import pytest

import learnfold.dashboard
from learnfold.dashboard.words import LANGUAGES, Words, chosen, read_words

ROOM = Path(learnfold.dashboard.__file__).parent


def texts(language: str) -> dict[str, list[str]]:
    """By key, the text or its plurals."""
    return {k: [v] if isinstance(v, str) else list(v.values()) for k, v in read_words(language).items()}


def blanks(text: str) -> set[str | None]:
    """What is filled in."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_language_says_the_same_things() -> None:
    """The same keys, with the same blanks."""
    english = texts("en")
    for language in LANGUAGES:
        found = texts(language)
        assert found.keys() == english.keys()
        for key, said in found.items():
            assert {name for text in said for name in blanks(text)} == {n for t in english[key] for n in blanks(t)}, key
            assert all(text.strip() for text in said), key


def test_every_word_is_said_and_every_word_said_is_there() -> None:
    """A key stands in a template or a page, whole or by its beginning; and what is asked for there exists."""
    sources = "\n".join(file.read_text("utf-8") for kind in ("*.py", "*.html") for file in sorted(ROOM.rglob(kind)))
    asked = set(re.findall(r"""\bt\(\s*['"]([a-z0-9_]+)['"]\s*[,)]""", sources))
    asked |= set(re.findall(r"""\bwords\(\s*"([a-z0-9_]+)"\s*[,)]""", sources))
    assert asked - texts("en").keys() == set()
    whole = set(re.findall(r"""['"]([a-z0-9_]+)['"]""", sources))
    begun = set(re.findall(r"""\bt\(f"([a-z_]+_)\{""", sources)) | set(
        re.findall(r"""words\(f"([a-z_]+_)\{""", sources)
    )
    begun |= set(re.findall(r"""\bt\('([a-z_]+_)' ~""", sources))
    assert begun
    unsaid = {k for k in texts("en") if k not in whole and not any(k.startswith(beginning) for beginning in begun)}
    assert unsaid == set()


def test_numbers_dates_and_plurals_are_written_by_language() -> None:
    """Points and commas change places; English alone has a plural."""
    en, vi = Words("en"), Words("vi")
    assert (en.number(1234567.891, 1), vi.number(1234567.891, 1)) == ("1,234,567.9", "1.234.567,9")
    assert (en.percent(0.057), vi.percent(0.1234, 1)) == ("6\N{NO-BREAK SPACE}%", "12,3\N{NO-BREAK SPACE}%")
    assert (en.day(date(2025, 11, 3)), vi.day(date(2025, 11, 3))) == ("3 Nov 2025", "03/11/2025")
    assert en.span(date(2025, 12, 29), date(2026, 1, 4)) == "29 Dec 2025 – 4 Jan 2026"
    assert (en("days_ago", n=1), en("days_ago", n=2), vi("days_ago", n=1)) == (
        "1 day ago",
        "2 days ago",
        "1 ngày trước",
    )
    assert [en.age(seconds) for seconds in (0.42, 9.96, 119, 120, 7_300)] == ["0.4 s", "10 s", "119 s", "2 min", "2 h"]
    assert en.number(None) == "–"
    assert en.clock(609.5) == "10:09"


@pytest.mark.parametrize(
    ("named", "accept", "language"),
    [
        (None, "", "en"),
        ("vi", "en", "vi"),
        ("xx", "vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        (None, "fr, en;q=0.2, vi;q=0.4", "vi"),
        (None, "vi;q=0, de", "en"),
        (None, "vi;q=abc", "en"),
    ],
)
def test_the_language_is_the_one_named_else_the_reader_s(named: str | None, accept: str, language: str) -> None:
    """A language that isn't there is passed over."""
    assert chosen(named, accept) == language
