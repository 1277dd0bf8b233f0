"""docs/adding.md as someone follows it: its edits, in order, applied to a clone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding.md"

_EDIT = re.compile(
    r"(?:(?P<append>Append to)|(?P<create>Create)|In) `(?P<file>[^`]+)`(?:, below the line of `(?P<below>\w+)`)?:\n\n```\w+\n(?P<text>.*?)```\n",
    re.DOTALL,
)
_COMMANDS = re.compile(r"```bash\n(.*?)```\n", re.DOTALL)


class Edit(NamedTuple):
    """One thing that the page says to write."""

    file: str
    text: str
    how: str  # append, create, or the name of the column whose line it follows

    def applied(self, before: str) -> str:
        """The file's content afterwards."""
        if self.how == "create":
            assert before == "", f"{self.file} is there already"
            return self.text
        if self.how == "append":
            return before + self.text
        lines = before.splitlines(keepends=True)
        (place,) = [at for at, line in enumerate(lines) if re.match(rf"\s+{self.how}\s", line)]
        return "".join([*lines[: place + 1], self.text, *lines[place + 1 :]])


def edits() -> list[Edit]:
    """All of them; every block of the page that isn't commands is one."""
    page = PAGE.read_text("utf-8")
    found = [
        Edit(each["file"], each["text"], "append" if each["append"] else "create" if each["create"] else each["below"])
        for each in _EDIT.finditer(page)
    ]
    assert len(found) == page.count("```") / 2 - len(commands())
    return found


def commands() -> list[str]:
    """The page's blocks of commands."""
    return _COMMANDS.findall(PAGE.read_text("utf-8"))


def follow(clone: Path) -> None:
    """Does the edits in a clone."""
    for edit in edits():
        file = clone / edit.file
        file.write_text(edit.applied(file.read_text("utf-8") if file.exists() else ""), "utf-8")
