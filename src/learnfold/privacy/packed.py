"""An id within base64, as tokens of sign-ins, headers and pictures have it: found by the letters that it becomes, proven by unpacking."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_BYTES = 4
"""Of a shorter id too few letters are certain."""

_LETTERS = r"[A-Za-z0-9+/_\-]"


def packed_core(text: str, *, any_case: bool = False) -> str | None:
    """A regular expression (RE2 and Python) for the letters that are certain of a text in base64; None of a short text.

    It becomes other letters by what stands before it. ``any_case`` stands for the text as it is, in capitals or in small letters.
    """
    forms = {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
    forms |= {case for form in forms for case in (form.lower(), form.upper())} if any_case else set()
    if min(len(form.encode()) for form in forms) < LEAST_BYTES:
        return None
    forms |= {json.dumps(form)[1:-1] for form in forms}
    cores = sorted({core for form in forms for core in _cores(form.encode())})
    return "(?:" + "|".join(cores).replace("+", r"[+\-]").replace("/", "[/_]") + ")"


def run_of(core: str) -> str:
    """A regular expression for all of a run of base64 around such letters, plain or as in addresses."""
    return rf"{_LETTERS}*{core}{_LETTERS}*={{0,2}}"


def unpacked(run: str) -> Iterator[str]:
    """What a run of base64 may mean, by where in it it begins."""
    for part, start in itertools.product((run, *run.split("/")), range(4)):
        some = part.rstrip("=").replace("-", "+").replace("_", "/")[start:]
        some = some[:-1] if len(some) % 4 == 1 else some
        try:
            data = base64.b64decode(some + "=" * (-len(some) % 4))
        except binascii.Error:
            continue
        yield data.decode("utf-8", "backslashreplace").replace("\0", "")


def _cores(data: bytes) -> Iterator[str]:
    """The letters that are certain, for each of the three places in which the text may begin."""
    for before in range(3):
        letters = base64.b64encode(b"\0" * before + data).decode()
        yield letters[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
