"""Draws what a command prints as an SVG terminal: ``command | python tools/picture.py 'title' > picture.svg``."""

import sys
from html import escape

LINE, CHARACTER, EDGE = 17, 7.8, 16


def picture(title: str, text: str) -> str:
    """The SVG of a terminal window that shows ``text``."""
    lines = [f"$ {title}", *text.rstrip("\n").split("\n")]
    width = round(max(map(len, lines)) * CHARACTER + 2 * EDGE)
    height = len(lines) * LINE + 2 * EDGE
    rows = "".join(
        f'<text x="{EDGE}" y="{EDGE + (number + 1) * LINE - 4}" fill="{"#7ee787" if number == 0 else "#e6edf3"}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="monospace" font-size="13" '
        f'xml:space="preserve"><rect width="100%" height="100%" rx="8" fill="#0d1117"/>{rows}</svg>\n'
    )


if __name__ == "__main__":
    sys.stdout.write(picture(sys.argv[1], sys.stdin.read()))
