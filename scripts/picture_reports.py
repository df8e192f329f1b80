"""Take the pictures of docs/report.md, into docs/images.

Run from the repository, after what they show:

    scorebench run suites/digits_sweep.yaml
    scorebench run midpoint.yaml --results results/arithmetic   # these two as docs/report.md says
    scorebench run midpoint.yaml --results results/geometric
    python scripts/picture_reports.py

It needs playwright and a browser (``scripts/install_browser``).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
RESULTS = ROOT / "results"
WIDTH, HEIGHT = 1120, 900  # pixels


def main() -> None:
    """Take all of them."""
    report(RESULTS / "digits_sweep", "--figure", IMAGES / "pareto-digits_sweep.svg")
    sides = [RESULTS / "arithmetic", RESULTS / "geometric"]
    report(*sides, "--no-html", "--figure", IMAGES / "differences-midpoint.svg")
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto((RESULTS / "digits_sweep" / "report.html").as_uri())
        page.wait_for_selector("html[data-drawn]", state="attached")
        take(page, "report_finding.png")
        page.emulate_media(color_scheme="dark")
        page.click("#gallery button.picture")
        options = page.locator("dialog select option")
        euler = next(
            o for o in options.all_text_contents() if o.startswith("ncsn · karras · euler")
        )
        page.select_option("dialog select", label=euler)
        take(page, "report_samples.png")
        browser.close()


def report(*arguments: object) -> None:
    """``scorebench report`` with these arguments."""
    command = [sys.executable, "-m", "scorebench", "report", *map(str, arguments)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def take(page: Page, name: str) -> None:
    """Save what the browser shows, in a fraction of its size."""
    path = IMAGES / name
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(192).save(path, optimize=True)
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
