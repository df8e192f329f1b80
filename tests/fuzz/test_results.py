"""Results directories whose files say anything: reported on, or refused, and never left."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import scorebench
from scorebench.cli.status import status
from scorebench.report.document import Selection, document
from scorebench.report.page.render import render
from scorebench.store import Store

from .budget import inputs
from .spoiling import spoiled_bytes, spoiled_values
from .watch import reading

SUITE = {
    "name": "small",
    "samples": 30,
    "repeats": 2,
    "reference": "model",
    "features": "identity",
    "metrics": ["fid"],
    "sweep": [
        {
            "model": {"name": "gaussian", "mean": [1.0, -1.0]},
            "schedule": {"name": "geometric", "n": 3, "sigma_max": 5, "sigma_min": 0.1},
            "sampler": ["euler", {"name": "heun", "s_churn": 1.0}],
        }
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a run, one of its cells failed, beside an empty folder that nothing may enter."""
    place = tmp_path_factory.mktemp("results")
    (place / "suite.yaml").write_text(yaml.safe_dump(SUITE))
    scorebench.run(place / "suite.yaml", results=place / "made")
    cell = sorted((place / "made" / "cells").iterdir())[0]
    record = json.loads(cell.read_bytes())
    record["row"] |= {"status": "failed", "error": "no", "fid": None}
    cell.write_text(json.dumps({**record, "traceback": "Traceback\n  x"}))
    page(place / "made")  # what it needs is loaded now, and some of that takes much memory
    return place / "made"


@contextmanager
def instead(path: Path, content: bytes) -> Iterator[None]:
    """A file's content for a while."""
    sound = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(sound)


def told(folder: Path) -> None:
    """All that ``report`` and ``status`` print of results, and what they hand to other programs."""
    made = document([folder], Selection())
    console = Console(file=io.StringIO(), width=120)
    for part in made.terminal(0):
        console.print(part)
    made.frame()
    made.grids()
    with redirect_stdout(io.StringIO()):
        status([folder])


def page(*folders: Path) -> str:
    return render(document(folders, Selection()).content(), None)


def files(folder: Path) -> list[Path]:
    """What is JSON in results: the plan, a cell that ended ok, the one that didn't, a place."""
    cells = sorted((folder / "cells").iterdir())
    return [folder / "plan.json", *cells[:2], *(folder / "environments").iterdir()]


@pytest.mark.slow
@inputs("record values")
@given(st.integers(0, 3), st.data())
def test_records_with_spoiled_values(folder: Path, which: int, data: st.DataObject) -> None:
    path = files(folder)[which]
    content = data.draw(spoiled_values([json.loads(path.read_bytes())]))
    with instead(path, json.dumps(content).encode()):
        reading(lambda: told(folder))
        reading(lambda: Store(folder).write_table(), folder)


@pytest.mark.slow
@inputs("record bytes")
@given(st.integers(0, 4), st.data())
def test_spoiled_records(folder: Path, which: int, data: st.DataObject) -> None:
    path = [*files(folder), folder / "suite.yaml"][which]
    with instead(path, data.draw(spoiled_bytes([path.read_bytes()]))):
        reading(lambda: told(folder))


@inputs("pages")
@given(st.integers(0, 3), st.booleans(), st.data())
def test_pages_of_spoiled_records(
    folder: Path, which: int, compared: bool, data: st.DataObject
) -> None:
    path = files(folder)[which]
    content = data.draw(spoiled_values([json.loads(path.read_bytes())]))
    sound = folder.with_name("sound")
    if not sound.exists():
        shutil.copytree(folder, sound)
    with instead(path, json.dumps(content).encode()):
        made = reading(lambda: page(*([sound, folder] if compared else [folder])))
    assert made is None or "</script><script>" not in made
