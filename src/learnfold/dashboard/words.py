"""What pages say, in English and Vietnamese: words, numbers, dates and plurals by language."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

LANGUAGES = {"en": "English", "vi": "Tiếng Việt"}
"""By code, what each calls itself; the first is spoken to who asks for none of them."""

NONE = "–"
"""Stands where there is no value."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@cache
def read_words(language: str) -> dict[str, str | dict[str, str]]:
    """The texts of a language, by key; a plural is an object with ``one`` and ``other``."""
    file = resources.files("learnfold.dashboard") / "words" / f"{language}.json"
    found: dict[str, str | dict[str, str]] = json.loads(file.read_text("utf-8"))
    return found


@dataclass(frozen=True)
class Words:
    """One language."""

    language: str

    def __call__(self, key: str, **values: Any) -> str:
        """The text of that key; ``n`` chooses between its plurals, and whole numbers are written as the language does."""
        text = read_words(self.language)[key]
        if isinstance(text, dict):
            text = text["one" if self.language == "en" and values.get("n") == 1 else "other"]
        said = {name: self.number(value) if isinstance(value, int | float) else value for name, value in values.items()}
        return text.format(**said)

    def number(self, value: float | None, digits: int = 0) -> str:
        """A number with its thousands set apart, rounded to so many digits."""
        if value is None:
            return NONE
        text = f"{value:,.{digits}f}"
        return text.translate(str.maketrans(",.", ".,")) if self.language == "vi" else text

    def percent(self, share: float | None, digits: int = 0) -> str:
        """A share of 1 as a percentage."""
        return NONE if share is None else f"{self.number(share * 100, digits)}\N{NO-BREAK SPACE}%"

    def day(self, value: date | None, *, year: bool = True) -> str:
        """A date."""
        if value is None:
            return NONE
        if self.language == "vi":
            return f"{value.day:02}/{value.month:02}" + (f"/{value.year}" if year else "")
        return f"{value.day} {_MONTHS[value.month - 1]}" + (f" {value.year}" if year else "")

    def span(self, first: date, last: date) -> str:
        """From one day to another."""
        return f"{self.day(first, year=first.year != last.year)} – {self.day(last)}"

    @staticmethod
    def clock(seconds: float | None) -> str:
        """A place in a video: minutes and seconds."""
        return NONE if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}"

    def age(self, seconds: float) -> str:
        """So long ago: to a tenth of a second below ten, then in the unit that is told."""
        for key, size in (("age_seconds", 1), ("age_minutes", 60)):
            if seconds < 120 * size:
                return self(key, n=self.number(seconds / size, 1 if seconds < 9.95 else 0))  # noqa: PLR2004
        return self("age_hours", n=self.number(seconds / 3600))

    @staticmethod
    def moment(text: str) -> str:
        """A time that is stored as ISO 8601 in UTC, to the minute."""
        return f"{text[:10]} {text[11:16]} UTC"

    def list(self, parts: list[str]) -> str:
        """Several things in a sentence."""
        if len(parts) < 2:  # noqa: PLR2004
            return "".join(parts)
        return f"{', '.join(parts[:-1])} {self('and')} {parts[-1]}"


def chosen(named: str | None, accept: str) -> str:
    """The language that is named, else the first of ``Accept-Language`` that there is."""
    if named in LANGUAGES:
        return str(named)
    wanted: list[tuple[float, str]] = []
    for entry in accept.split(","):
        name, _, quality = entry.strip().partition(";q=")
        try:
            wanted.append((-float(quality or 1), name.partition("-")[0].lower()))
        except ValueError:
            continue
    return next(
        (name for quality, name in sorted(wanted, key=lambda one: one[0]) if quality and name in LANGUAGES), "en"
    )
