from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from scorebench.engine import parcel
from scorebench.engine.drive import prepare
from scorebench.engine.parcel import pack
from scorebench.errors import UserError
from scorebench.running.cache import default_folder
from scorebench.running.plan import make_plan
from scorebench.running.workbench import Workbench
from scorebench.suite.load import load_suite
from tests.conftest import Python

PLUGIN = """
from dataclasses import dataclass
import scorebench
from parcel_helper import SCALE

@dataclass(frozen=True, kw_only=True)
class Scaled(scorebench.Sampler):
    factor: float = 1.0
    def trajectory(self, model, sigmas, noise):
        yield self.factor * SCALE * model.denoise(self.start(model, sigmas[0], noise), sigmas[0])

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("scaled", Scaled)
"""
UNPACK = """
import json, pickle, sys, torch
from scorebench.running.measuring import run_cells
from scorebench.running.workbench import Workbench
parcel = pickle.load(open(sys.argv[1], "rb"))
suite, cells = parcel.unpack()
bench = Workbench(suite, torch.device("cpu"))
row = run_cells(bench, [cells[0]])[0].row
print(json.dumps([row["status"], row["error"], row.get("fid"), bench.context.describe(
    cells[0].point.sampler.component)["source"], cells[0].fingerprint]))
"""


@pytest.fixture
def folder(tmp_path: Path, small_suite: dict[str, Any]) -> Iterator[Path]:
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "scaled.py").write_text(PLUGIN)
    (folder / "parcel_helper.py").write_text("SCALE = 3.0\n")
    small_suite["sweep"][0]["sampler"] = {"name": "scaled", "factor": [0.5, 2.0]}
    small_suite["plugins"] = ["scaled.py"]
    (folder / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    places = list(sys.path)
    yield folder
    sys.path[:] = places
    sys.modules.pop("parcel_helper", None)


def sent(folder: Path) -> tuple[Path, Workbench, Any]:
    bench = Workbench(load_suite(folder / "suite.yaml"), torch.device("cpu"))
    cells = make_plan(bench).cells
    path = folder.parent / "parcel"
    path.write_bytes(pickle.dumps(pack(bench, cells)))
    return path, bench, cells[0]


@pytest.mark.parametrize("what", ["there", "moved", "edited", "without helper"])
def test_a_run_is_the_same_wherever_it_is_unpacked(folder: Path, python: Python, what: str) -> None:
    path, bench, cell = sent(folder)
    source = bench.context.describe(cell.point.sampler.component)["source"]
    if what == "moved":
        folder.rename(folder.parent / "elsewhere")
    elif what == "edited":
        (folder / "parcel_helper.py").write_text("SCALE = 4.0\n")
    elif what == "without helper":
        (folder / "parcel_helper.py").unlink()
    status, error, fid, its_source, fingerprint = json.loads(python("-c", UNPACK, path).stdout)
    assert (status, error) == ("ok", None)
    assert fid > 0.1
    assert (its_source, fingerprint) == (source, cell.fingerprint)


def test_points_of_one_component_still_share_it(folder: Path) -> None:
    path, _, _ = sent(folder)
    _, cells = pickle.loads(path.read_bytes()).unpack()
    assert len({id(cell.point.model) for cell in cells}) == 1


def test_what_cannot_be_sent_is_told(folder: Path) -> None:
    bench = Workbench(load_suite(folder / "suite.yaml"), torch.device("cpu"))
    bench.suite.data["stuck"] = lambda: None
    with pytest.raises(UserError, match=r"can't be sent to workers .* use --engine inline"):
        pack(bench, [])


def test_copies_on_a_machine_that_lacks_plugin_files_are_made_once(
    folder: Path, python: Python
) -> None:
    path, _, _ = sent(folder)
    (folder / "parcel_helper.py").unlink()
    python("-c", UNPACK, str(path))
    (copy,) = default_folder().glob(f"plugins/*/{folder.relative_to('/')}/parcel_helper.py")
    written = copy.stat().st_mtime_ns
    python("-c", UNPACK, str(path))
    assert copy.stat().st_mtime_ns == written
    copy.write_text("SCALE = 'edited'")
    python("-c", UNPACK, str(path))
    assert copy.read_text() == "SCALE = 3.0\n"


def test_what_is_installed_otherwise_ends_a_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = prepare(load_suite(folder / "suite.yaml"), results=folder / "results", device="cpu")
    here = parcel.installed
    monkeypatch.setattr(parcel, "installed", lambda names: {**here(names), "torch": "0.1"})
    with pytest.raises(UserError, match=r"can't go on with this run: it has torch [\d.]+, not 0.1"):
        list(drive.run())
    assert list((folder / "results").glob("cells/*")) == []
