r"""Where a person's id stands by itself in a text: a part of something longer is somebody else.

Letters, digits and ``_`` are a token's, and so are ``.``, ``@`` and ``-`` between them; all of these also where they are written as
escapes. The ending of a file's name is no part: ``SV0077.jpg`` is a picture of ``SV0077``.
"""

from __future__ import annotations

import re
from functools import cache

from learnfold.privacy.spelling import BACKSLASH, PERCENT, character_class

ENDINGS = (
    *("jpg", "jpeg", "png", "gif", "webp", "svg", "bmp", "tif", "tiff", "heic", "avif", "psd"),
    *("mp3", "mp4", "m4a", "m4v", "mov", "avi", "mkv", "webm", "wav", "ogg", "flac", "vtt", "srt"),
    *("pdf", "doc", "docx", "odt", "rtf", "tex", "txt", "md", "epub", "ppt", "pptx", "odp", "xls", "xlsx", "ods"),
    *("csv", "tsv", "json", "jsonl", "ndjson", "xml", "yaml", "yml", "html", "htm", "php", "aspx", "jsp", "log", "sql"),
    *(
        "parquet",
        "avro",
        "orc",
        "zip",
        "gz",
        "bz2",
        "xz",
        "zst",
        "tar",
        "tgz",
        "rar",
        "7z",
        "bak",
        "tmp",
        "eml",
        "vcf",
        "ics",
    ),
    *("ipynb", "py", "java", "js", "css", "cpp", "sh"),
)
"""Of files' names; what isn't here may be a part of a name of somebody else, such as ``john.doe``."""

WORD = r"\p{L}\p{M}\p{N}_"

_JOIN = r".@\-"
_ASCII_CODES = {code for code in range(0x80) if not (chr(code).isalnum() or chr(code) in "_.@-")}
_HEX = "[0-9a-fA-F]"


def alone(spelled: str, first: str, *, loose: bool = False) -> str:
    """A regular expression for what is ``spelled`` where it stands alone; groups 1 and 2 are what stands before and after it.

    ``first``: the text's first two characters. ``loose``: a backslash is one, and begins no escape of JSON.
    """
    plain = rf"[^{WORD}{_JOIN}%\\]"
    before = ["^", plain, _escapes(), *_marks_before(first, loose=loose)]
    edge = f"(?:{'|'.join(before)})"
    return f"({edge}{_joins()}*){spelled}{after()}"


@cache
def after() -> str:
    """What stands behind a text that stands alone, as one group; nothing where the text ends."""
    endings = "|".join(sorted(ENDINGS))
    ending = rf"(?:(?:\.|{PERCENT}2[eE])(?i:{endings}))"
    edge = "|".join(["$", rf"[^{WORD}{_JOIN}%\\&]", _escapes(), *_marks_after()])
    return f"({ending}{{0,2}}{_joins()}*(?:{edge}))"


def for_python(pattern: str) -> str:
    """A pattern of this module as Python's ``re`` reads it, which knows no classes of Unicode."""
    words = pattern.replace(r"\p{L}\p{M}\p{N}_", rf"\w{character_class('M')}")
    return re.sub(r"(?<!\\)\$", r"\\Z", words)


@cache
def _escapes() -> str:
    """Characters that are none of a token, written as an escape."""
    codes = "|".join(_two_digits(_ASCII_CODES - {0x25}))
    wide = f"20[0-6]{_HEX}|30[0-3]{_HEX}|[fF][eE][fF][fF]"
    json = rf"{BACKSLASH}+(?:[nrtbfv]|u00(?:{codes}|25|[89aA]{_HEX})|x(?:{codes}|25|[89a-fA-F]{_HEX})|u(?:{wide}))"
    general = rf"{PERCENT}[eE]2{PERCENT}8[01]{PERCENT}[89abAB]{_HEX}|{PERCENT}[cC]2{PERCENT}[89aA]{_HEX}"
    percent = rf"{PERCENT}(?:{codes})|{PERCENT}25(?:$|[^0-9a-fA-F%\\])|{general}"
    entity = r"&(?:amp;)*(?:#0*(?:3[2-9]|4[0-47]|5[89]|6[0-3]|9[1-4]|96|12[3-6]|160)|quot|apos|lt|gt|amp|nbsp);"
    return f"{json}|{percent}|{entity}"


def _joins() -> str:
    return rf"(?:[{_JOIN}]|{PERCENT}(?:2[dDeE]|40)|{BACKSLASH}+u00(?:2[dDeE]|40))"


def _marks_before(first: str, *, loose: bool) -> list[str]:
    """``%`` and backslashes before a text with which they can't be an escape."""
    found = [] if len(first) > 1 and set(first.lower()) <= set("0123456789abcdef") else [r"%(?:25)*"]
    if loose or first[0] not in "nrtbfvux":
        return [*found, r"\\"]
    return [*found, r"(?:^|[^\\])(?:\\\\)+"]


def _marks_after() -> list[str]:
    """``%``, ``&`` and backslashes that begin no escape."""
    percent = ["%(?:$|[^0-9a-fA-Fu]|[0-9a-fA-F](?:$|[^0-9a-fA-F]))"]
    backslash = [rf"{BACKSLASH}+(?:$|[^nrtbfvux\\%]|u(?:$|[^0-9a-fA-F{{])|x(?:$|[^0-9a-fA-F]))"]
    entity = ["&(?:$|[^#0-9A-Za-z]|[0-9A-Za-z]+(?:$|[^0-9A-Za-z;])|#(?:$|[^0-9xX]))"]
    return [*percent, *backslash, *entity]


def _two_digits(codes: set[int]) -> list[str]:
    """Regular expressions for the codes as two hexadecimal digits."""
    found = []
    for high in sorted({code >> 4 for code in codes}):
        lows = "".join(f"{low:x}" for low in range(16) if high << 4 | low in codes)
        found.append(f"{high:x}[{lows}{lows.upper()}]")
    return found
