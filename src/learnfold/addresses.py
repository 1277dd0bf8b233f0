"""Addresses as they may be shown: without the passwords and keys that they may hold."""

from __future__ import annotations

import re

HIDDEN = "***"

_USER = re.compile(
    r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<user>[^\s/?#'\"<>]*@|[^\s/?#'\"<>]*:(?!\d+/)[^\s@'\"<>]*/[^\s'\"<>]*@)"
)
"""What stands before the host; a password may hold slashes, though it shouldn't."""

_BARE = re.compile(r"(?P<before>^|[\s,;=('\"])(?P<user>[^\s:/@,;=('\"]+:[^\s/@,'\"]+@)(?=[\w.\[-])")
"""The same without a scheme, as in a list of servers."""

_QUERY = re.compile(
    r"(?P<name>[?&;][\w.-]*(?:passw|pwd|secret|token|key|signature|sig|credential|auth)[\w.-]*=)[^&;\s'\"<>#]+",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """The text in which each address has ``***`` in place of a user and password, and of a key or token in its query."""
    if "@" in text:
        text = _USER.sub(rf"\g<scheme>{HIDDEN}@", text)
        text = _BARE.sub(rf"\g<before>{HIDDEN}@", text)
    return _QUERY.sub(rf"\g<name>{HIDDEN}", text) if "=" in text else text
