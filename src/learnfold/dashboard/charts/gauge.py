"""A value of a whole as a bar: with a tick where the course's mean is, or without."""

from __future__ import annotations

from markupsafe import Markup

WIDTH, HEIGHT = 72, 8


def gauge(value: float, mean: float | None = None, most: float = 100) -> Markup:
    """The value, and the mean as a tick, between 0 and ``most``."""
    tick = "" if mean is None else f'<path d="M{_place(mean, most):.1f} -3V{HEIGHT + 3}"/>'
    return Markup(
        f'<svg class="gauge" viewBox="0 -3 {WIDTH} {HEIGHT + 6}" aria-hidden="true"><rect class="bg" width="{WIDTH}" height="{HEIGHT}" rx="4"/>'
        f'<rect class="fg" width="{max(4.0, _place(value, most)):.1f}" height="{HEIGHT}" rx="4"/>{tick}</svg>'
    )


def progress(share: float, text: str = "") -> Markup:
    """A share of 1, and what is said of it."""
    said = Markup("<span>{}</span>").format(text) if text else Markup("")
    return Markup(
        f'<svg class="prog{" with" if text else ""}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="bg" width="100" height="8"/>'
        f'<rect class="fg" width="{min(100.0, max(0.0, share * 100)):.1f}" height="8"/></svg>{said}'
    )


def _place(value: float, most: float) -> float:
    return min(1.0, max(0.0, value / most if most else 0.0)) * WIDTH
