r"""How a text may stand in another: as it is, as JSON within JSON writes it, percent-encoded, as an entity of HTML, composed or not.

What this makes are regular expressions that Python and RE2 read alike, so that files of any kind are searched by one rule.
A digest, and a text that is encrypted or packed, aren't spellings: those say something else. Of base64 see ``packed``.
"""

from __future__ import annotations

import itertools
import unicodedata
from functools import cache
from html.entities import html5

BACKSLASH = r"(?:\\|%(?:25)*5[cC])"
"""One that begins an escape of JSON; in an address it is percent-encoded itself."""

PERCENT = r"(?:%|\\+u0025)(?:25)*"
"""What begins a percent-encoded byte, encoded once or more often."""

_AND, _NUMBER, _END = f"(?:&|{PERCENT}26)", f"(?:#|{PERCENT}23)", f"(?:;|{PERCENT}3[bB])"
"""What an entity of HTML is made of; within an address it is percent-encoded."""

_CONTROLS = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_QUOTED = "\"'/"
_BYTES = 0x100
_SPECIAL = ".^$*+?{}[]|()"


def spelled(text: str, *, any_case: bool = False) -> str:
    """A regular expression for the text in each of its spellings, without groups; ``any_case``: in capitals or not."""
    return "".join(_character(one, any_case=any_case) for one in unicodedata.normalize("NFC", text))


def forms(character: str, *, any_case: bool = False) -> list[str]:
    """The texts that mean the same character: composed, decomposed, and partially; the composed one first."""
    cases = {character, character.lower(), character.upper()} if any_case else {character}
    found: list[str] = []
    for case in sorted(cases, key=lambda case: case != character):
        base, *marks = list(unicodedata.normalize("NFD", case))
        for order in itertools.permutations(marks):
            for end in range(len(order), -1, -1):
                form = unicodedata.normalize("NFC", base + "".join(order[:end])) + "".join(order[end:])
                if form not in found and unicodedata.normalize("NFC", form) == unicodedata.normalize("NFC", case):
                    found.append(form)
    return found


@cache
def _character(character: str, *, any_case: bool) -> str:
    ways = ["".join(map(_code, form)) for form in forms(character, any_case=any_case)]
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"


def _code(character: str) -> str:
    """One code point in each of its spellings."""
    code, units = ord(character), character.encode("utf-16-be")
    words = [_digits(units[at : at + 2].hex()) for at in range(0, len(units), 2)]
    data = [_digits(f"{byte:02x}") for byte in character.encode()]
    ways = [_literal(character)]
    escapes = [rf"u\{{0*{_digits(f'{code:x}')}\}}", *([f"x{_digits(f'{code:02x}')}"] if code < _BYTES else [])]
    escapes += [_CONTROLS[character]] if character in _CONTROLS else []
    if len(words) == len(data) == 1:
        ways += [f"{BACKSLASH}+(?:u{words[0]}|{'|'.join(escapes)})", f"{PERCENT}(?:{data[0]}|u{words[0]})"]
    else:
        ways += [_each(rf"{BACKSLASH}+u", words), f"{BACKSLASH}+(?:{'|'.join(escapes)})"]
        ways += [_each(PERCENT, data), _each(f"{PERCENT}u", words)]
        ways += [f"{PERCENT}{_digits(f'{code:02x}')}"] if code < _BYTES else []
        ways += [_shown(character.encode(encoding)) for encoding in ("utf-8", "utf-16-le", "utf-16-be")]
    names = "".join(f"|{name}" for name in _names(character))
    ways.append(f"{_AND}(?:amp{_END})*(?:{_NUMBER}(?:0*{code}|[xX]0*{_digits(f'{code:x}')}){names}){_END}")
    ways += [r"\+"] if character == " " else []
    quoted = f"{BACKSLASH}*" if character in _QUOTED else ""
    return f"{quoted}(?:{'|'.join(dict.fromkeys(ways))})"


def _literal(character: str) -> str:
    if character == "\\":
        return rf"{BACKSLASH}+"
    return rf"\{character}" if character in _SPECIAL else character


def _each(before: str, parts: list[str]) -> str:
    return "".join(before + part for part in parts)


def _digits(digits: str) -> str:
    """Hexadecimal digits, small or capital."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)


def _shown(some: bytes) -> str:
    """Bytes of a value that isn't UTF-8, as DuckDB shows them as text, without those that are 0."""
    return "".join(map(_byte, some.replace(b"\0", b"")))


def _byte(byte: int) -> str:
    if chr(byte).isascii() and chr(byte).isalnum():
        return chr(byte)
    code = _digits(f"{byte:02x}")
    return rf"(?:\\x{code}|\x{byte:02x})" if chr(byte).isascii() else rf"\\x{code}"


@cache
def _named_entities() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, character in html5.items():
        if name.endswith(";") and len(character) == 1:
            found.setdefault(character, []).append(name.removesuffix(";"))
    return found


def _names(character: str) -> list[str]:
    return [] if character.isascii() and character.isalnum() else sorted(_named_entities().get(character, []))


def character_class(*categories: str) -> str:
    """The characters of the basic plane whose category begins so, as the inside of a character class of Python's."""
    return _class(categories)


@cache
def _class(categories: tuple[str, ...]) -> str:
    codes = [code for code in range(0x10000) if unicodedata.category(chr(code)).startswith(categories)]
    ranges = ((some[0], some[-1]) for some in _runs(codes))
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)


def _runs(codes: list[int]) -> list[list[int]]:
    grouped = itertools.groupby(enumerate(codes), lambda pair: pair[1] - pair[0])
    return [[code for _, code in group] for _, group in grouped]
