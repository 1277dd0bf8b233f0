"""Takes the README's pictures of the dashboard, of the demo's semester, in Chromium: ``make screenshots``."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
OUT, PICTURES = ROOT / "demo" / "views", ROOT / "docs" / "pictures"
SHOTS = {
    "course": ("/c/CS101?week=2025-11-17", 1280, 900, "light"),
    "phone": ("/c/CS101?week=2025-11-17&lang=vi", 390, 900, "dark"),
    "explain": ("/explain/video_popularity/unique_viewers?key=CS101-V104&key=CS101", 1280, 700, "light"),
    "health": ("/health", 1280, 700, "dark"),
}
"""By file, the address, the window and the theme."""

_SECONDS = 60


def main() -> None:
    """Serves the demo's views on a port of this machine, looks at each page, and ends the server."""
    if not OUT.exists():
        sys.exit("there are no views at demo/views; 'make demo' makes them")
    browser = shutil.which("chromium") or sys.exit("there is no chromium on the PATH; Debian has it as a package")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "learnfold", "serve", str(OUT), "--open", "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603 - a command of this file
    try:
        host = f"http://127.0.0.1:{port}"
        _wait(f"{host}/health/ready")
        PICTURES.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            for name, (address, width, height, theme) in SHOTS.items():
                page = chromium.new_page(
                    viewport={"width": width, "height": height}, color_scheme=theme, locale="en-GB"
                )
                page.goto(host + address)
                page.evaluate("document.fonts.ready")
                shot = page.context.new_cdp_session(page).send(
                    "Page.captureScreenshot", {"format": "webp", "quality": 82}
                )
                (PICTURES / f"{name}.webp").write_bytes(base64.b64decode(shot["data"]))
            chromium.close()
    finally:
        server.terminate()
        server.wait()
    print(json.dumps({file.name: file.stat().st_size for file in sorted(PICTURES.iterdir())}))


def _wait(address: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5)  # noqa: S310 - an address of this machine
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    main()
