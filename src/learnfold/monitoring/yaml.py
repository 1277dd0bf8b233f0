"""Plain data as YAML that people can read."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/][\w./:@-]*(?: [\w./:@()=-]+)*|(?:\d+(?:ms|[smhd]))+")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def to_yaml(value: Any, heading: str = "") -> str:
    """Dicts, lists, texts, numbers and booleans as YAML, below ``heading`` as a comment."""
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    return comment + "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        lines = []
        for name, item in value.items():
            if isinstance(item, (dict, list)) and item:
                lines += [f"{_scalar(name)}:", *(f"  {line}" for line in _lines(item))]
            else:
                lines.append(f"{_scalar(name)}: {_scalar(item)}")
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            first, *rest = _lines(item)
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
        return lines
    return [_scalar(value)]


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS and ": " not in f"{value} ":
        return value
    return json.dumps(value, ensure_ascii=False)
