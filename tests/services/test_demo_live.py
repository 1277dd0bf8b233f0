"""``make demo-live``: the whole of it, for some seconds."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from services.places import ROOT, Place

pytestmark = [pytest.mark.services, pytest.mark.slow]


def test_it_shows_numbers_that_move_and_ends_clean() -> None:
    """A message of its own is counted while batches come; when its time is over nothing of it is left running."""
    command = [sys.executable, str(ROOT / "tools" / "demo_live.py"), "--seconds", "20", "--every", "8"]
    done = subprocess.run(
        command, env=Place("").process_environment(), capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = [int(number.replace(",", "")) for number in re.findall(r"messages counted so far +([\d,]+)", done.stdout)]
    assert counted[-1] > counted[0] > 20_000
    assert re.search(r"a message is counted after +[\d,]+ ms", done.stdout), done.stdout
    left = subprocess.run(["pgrep", "-f", str(ROOT / "demo" / "live")], capture_output=True, text=True, check=False)
    assert left.stdout == ""
