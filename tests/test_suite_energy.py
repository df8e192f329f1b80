"""What docs/training.md says about energies is what suites/energy.yaml gives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch import Tensor

import scorebench
from scorebench.metrics import frechet_distance, gaussian_statistics
from scorebench.train import Training, load_checkpoint, load_config

ROOT = Path(__file__).parent.parent
SUITE = ROOT / "suites" / "energy.yaml"
CONFIG = ROOT / "configs" / "mixture_energy.yaml"
KNOWN, ENERGY, SCORE = "known energy", "learned energy", "learned score"


def mixture(**parameters: Any) -> Any:
    """The truth, as the suite has it."""
    given = yaml.safe_load(SUITE.read_text())["dataset"]["model"]
    return scorebench.load("score_model", **given, dtype="float64", **parameters)


def shares_of(log_density: Tensor, points: Tensor) -> Tensor:
    """How a density given on a grid divides among the centres nearest to its points."""
    nearest = torch.cdist(points, mixture().means).argmin(1)
    return torch.zeros(3, dtype=points.dtype).index_add_(0, nearest, log_density.softmax(0))


def plane() -> Tensor:
    """A grid over all that has density."""
    axis = torch.linspace(-4, 4, 401, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def test_the_known_energy_is_that_of_the_mixture_at_every_noise_level() -> None:
    model = scorebench.load(
        "score_model", "energy", energy=f"{SUITE.parent}/mixture_energy.py:energy", dtype="float64"
    )
    x = torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for sigma in torch.tensor([0, 0.1, 3], dtype=torch.float64):
        torch.testing.assert_close(model.score(x, sigma), mixture().score(x, sigma))
        constant = model.log_prob(x, sigma) - mixture().log_prob(x, sigma)
        torch.testing.assert_close(constant, constant[:1].expand(50))


def test_what_is_learned_is_the_mixture_that_samples_are_compared_with() -> None:
    suite, config = (yaml.safe_load(path.read_text()) for path in (SUITE, CONFIG))
    assert config["target"] == suite["dataset"]["model"]
    assert config["schedule"] == suite["sweep"][1]["schedule"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    cells = scorebench.run(SUITE, results=tmp_path_factory.mktemp("results") / "energy")
    assert set(cells["status"]) == {"ok"}
    learned = cells["model.set"].fillna("").map(str)
    cells["what"] = np.select(
        [learned.str.contains("=energy"), learned.str.contains("=score")], [ENERGY, SCORE], KNOWN
    )
    return cells


def documented(number: int) -> list[list[str]]:
    """The rows of a table in the section."""
    text = (ROOT / "docs" / "training.md").read_text()
    (section,) = re.findall(r"^##+ .*`suites/energy\.yaml`\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    lines = re.findall(r"(?:^\|.*\n)+", section, re.M)[number].splitlines()
    return [line.strip("| ").split(" | ") for line in lines[2:]]


def cell(table: pd.DataFrame, **values: Any) -> pd.Series[Any]:
    for column, value in values.items():
        table = table[table[column.replace("__", ".")] == value]
    (found,) = (row for _, row in table.iterrows())
    return found


@pytest.mark.slow
def test_langevin_on_the_known_energy(table: pd.DataFrame) -> None:
    plain = table[table["schedule.sigma"] == 0]
    rows = documented(0)
    assert len(rows) == len(plain) == 11
    for sampler, noise, step, *said in rows:
        wanted = {"sampler": sampler, "sampler__step_size": float(step)}
        if sampler == "langevin":
            wanted["sampler__noise_scale"] = float(noise)
        found = cell(plain, **wanted)
        columns = ["fid", "variance_ratio", "mode_weight", "precision", "recall"]
        # Rounding sends few samples elsewhere: a share's own standard error is 0.008.
        for column, number in zip(columns, said, strict=True):
            assert found[column] == pytest.approx(float(number), abs=0.006), (sampler, column)
    by_noise = plain.set_index(["sampler.noise_scale", "sampler.step_size"])
    assert by_noise.loc[1, "fid"].is_monotonic_increasing  # with the step size
    mala = plain[plain["sampler"] == "mala"].set_index("sampler.step_size")
    assert mala.loc[0.1, "acceptance_rate"] == pytest.approx(0.94, abs=0.005)
    assert mala.loc[0.3, "acceptance_rate"] == pytest.approx(0.72, abs=0.005)
    assert (mala["fid"] < by_noise.loc[1, "fid"].min()).all()
    steeper = shares_of(4 * mixture().log_prob(plane(), torch.tensor(0.0)), plane())
    assert steeper[0].item() == pytest.approx(0.88, abs=0.005)


@pytest.mark.slow
def test_learned_energy_and_score_side_by_side(table: pd.DataFrame) -> None:
    blurred = table[table["schedule.sigma"] != 0]
    rows = documented(1)
    assert len(rows) == len(blurred) == 8
    for what, sampler, noise, *said, error in rows:
        wanted = {"what": what, "sampler": sampler}
        if sampler == "annealed_langevin":
            wanted["sampler__noise_scale"] = float(noise)
        found = cell(blurred, **wanted)
        # Trainings drift apart by rounding, and so does what the weights of modes come out as.
        loose = 0.01 if what == KNOWN else 0.05 if noise != "0" else 0.15
        columns = ["fid", "variance_ratio", "mode_weight", "precision", "recall"]
        for column, number in zip(columns, said, strict=True):
            assert found[column] == pytest.approx(float(number), abs=loose), (what, column)
        assert found["score_error_relative"] < (1e-10 if what == KNOWN else 0.015)
        if error != "0":
            shown = float(error.rstrip(" %")) / 100
            assert found["score_error_relative"] == pytest.approx(shown, abs=0.006)
        if noise == "0":
            assert found["mode_weight"] == 1
            assert found["variance_ratio"] < 1e-3


@pytest.mark.slow
def test_mala_samples_the_density_that_was_learned(table: pd.DataFrame) -> None:
    config = load_config(CONFIG, settings=["parametrisation=energy"])
    context = scorebench.Context(dtype="float64")
    training = Training.cached(config, context)
    assert training.is_finished
    model: Any = load_checkpoint(training.folder, device=context.device, dtype=context.dtype)
    learned = shares_of(model.log_prob(plane(), torch.tensor(0.1)), plane())
    dataset = yaml.safe_load(SUITE.read_text())["dataset"]
    reference = scorebench.load("dataset", **dataset).x.double()
    true = shares_of(torch.zeros(len(reference), dtype=torch.float64), reference)
    found = cell(table, what=ENERGY, sampler="mala")
    # Three standard errors of a share are 0.024.
    assert found["mode_weight"] == pytest.approx(learned[0].item(), abs=0.024)
    off = (learned - true).abs().sum().item() / 2
    assert found["mode_weight_error"] == pytest.approx(off, abs=0.024)


def test_what_exact_samples_get() -> None:
    suite = yaml.safe_load(SUITE.read_text())
    sets = [
        scorebench.load("dataset", **suite["dataset"], seed=seed).x.double().numpy()
        for seed in range(21)
    ]
    reference, *others = (gaussian_statistics(x) for x in sets)
    fids = [frechet_distance(reference, other) for other in others]
    text = (ROOT / "docs" / "training.md").read_text()
    (said,) = re.findall(r"4,000 exact samples get (0\.\d+)", text)
    assert np.mean(fids) == pytest.approx(float(said), abs=0.0006)
