"""``python -m benchmarks.report``: how long reports take, and how large their pages are.

Goals: of 10,000 rows the terminal table in under 2 s, the page in under 10 s and under 15 MB; a
page of 100 cells with pictures under 4 MB, and interactive at once. Times are of whole processes,
start-up included. A browser (``scripts/install_browser``) opens the pages and says when they were
ready.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

from scorebench.running.picture import png, strip
from scorebench.store import Store

BETTER = {"fid": "lower", "inception_score": "higher", "precision": "higher", "recall": "higher"}
SAMPLERS = ("annealed_langevin", "euler", "heun", "dpmpp_2m", "unipc")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


def cells(configurations: int, repeats: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Names and parameters, and rows, as a sweep gives them; numbers are drawn."""
    random = np.random.default_rng(0)
    for i in range(configurations):
        quality = float(random.lognormal(2, 1))
        columns: dict[str, Any] = {
            "model": "ncsn",
            "schedule": "geometric",
            "sampler": SAMPLERS[i % 5],
            "schedule.n": 5 * (1 + i // 5 % 20),
            "schedule.sigma_max": 10.0,
            "sampler.step_size": 1e-4 * (1 + i // 100),
            "sampler.denoise": True,
        }
        for repeat in range(repeats):
            noise = random.normal(size=4)
            row = {
                "repeat": repeat,
                "seed": repeat,
                "samples": 1000,
                "n_sigmas": columns["schedule.n"],
                "status": "ok" if i % 50 else "diverged",
                "error": None if i % 50 else f"state is not finite after step {i}",
                "device": "cpu (x86_64)",
                "nfe": float(columns["schedule.n"]),
                "seconds": quality / 10,
                "seconds_sampling": quality / 20,
                "samples_per_second": 1000 / quality,
                "peak_memory_mb": 800.0 + noise[0],
                "environment": "0" * 32,
                "fingerprint": f"{i * repeats + repeat:032x}",
                "finished": f"2026-01-01T{i % 24:02}:{i % 60:02}:{repeat:02}+00:00",
                "reference_digest": "32cbe6c33aff28ca",
                "metric.fid.yardstick": "558e86581f3821fe",
            }
            if i % 50:
                row |= {
                    "fid": quality * (1 + 0.05 * noise[0]),
                    "inception_score": 7 - 0.1 * quality + 0.1 * noise[1],
                    "precision": float(np.clip(0.8 + 0.05 * noise[2], 0, 1)),
                    "recall": float(np.clip(0.7 + 0.05 * noise[3], 0, 1)),
                }
            yield columns, row


def write_results(folder: Path, configurations: int, repeats: int, *, pictures: bool) -> None:
    """A results directory of such cells; pictures are of 64 blurred colour images of 32×32."""
    store, planned = Store(folder), []
    random = np.random.default_rng(0)
    for columns, row in cells(configurations, repeats):
        planned.append(
            {"fingerprint": row["fingerprint"], "repeat": row["repeat"], "columns": columns}
        )
        grid = states = None
        if pictures:
            coarse = random.integers(0, 256, (64, 3, 8, 8)).astype(np.uint8)
            images = coarse.repeat(4, axis=2).repeat(4, axis=3)
            images = images // 2 + random.integers(0, 64, images.shape).astype(np.uint8)
            grid = png(images)
            states = strip(images[:32].reshape(4, 8, 3, 32, 32))
        record = {"row": row, "columns": columns, "traceback": None}
        store.write_cell(record, grid, states)
    plan = {"suite": folder.name, "better": BETTER, "cells": planned}
    store.begin(f"name: {folder.name}\nfeatures: inception\n", plan)


def seconds(*arguments: str) -> float:
    """How long ``scorebench report`` takes as a process."""
    command = [sys.executable, "-m", "scorebench", "report", *arguments]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def opened(page: Path) -> tuple[float, float]:
    """Seconds until a browser has the table of rows to work with, and until it has drawn all."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        tab = browser.new_page()
        started = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="commit")
        tab.wait_for_selector("#table tbody tr", timeout=120_000)
        ready = time.perf_counter() - started
        tab.wait_for_selector("html[data-drawn]", state="attached", timeout=120_000)
        drawn = time.perf_counter() - started
        browser.close()
    return ready, drawn


def main() -> None:
    """Print them."""
    with tempfile.TemporaryDirectory() as name:
        for title, configurations, repeats, pictures in (
            ("100 cells with pictures", 20, 5, True),
            ("10,000 rows, 2,000 × 5", 2000, 5, False),
            ("10,000 rows, 10,000 × 1", 10_000, 1, False),
        ):
            folder = Path(name) / f"results_{configurations}"
            write_results(folder, configurations, repeats, pictures=pictures)
            terminal = min(seconds(str(folder), "--no-html") for _ in range(3))
            whole = seconds(str(folder))
            page = folder / "report.html"
            ready, drawn = opened(page)
            print(
                f"{title}: terminal {terminal:.2f} s; with the page {whole:.2f} s, "
                f"{page.stat().st_size / 1e6:.2f} MB; in a browser ready after {ready:.2f} s, "
                f"drawn after {drawn:.2f} s"
            )


if __name__ == "__main__":
    main()
