"""The pictures that are drawn from tables show every curve they should."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

SCRIPT = Path(__file__).parent.parent / "scripts" / "plot_training.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plot_training", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_losses_are_averaged_over_windows_and_drawn(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(step, sigma, step * sigma) for step in range(1, 101) for sigma in (0.1, 1.0)]
    chart = script.training_loss(pd.DataFrame(rows, columns=["step", "sigma", "loss"]))
    (means,) = chart.to_dict()["datasets"].values()
    found = {(row["step"], row["sigma"]): row["loss"] for row in means}
    wanted = {(50, 0.1): 2.55, (50, 1.0): 25.5, (100, 0.1): 7.55, (100, 1.0): 75.5}
    assert found == pytest.approx(wanted)
    monkeypatch.setattr(script, "IMAGES", tmp_path / "images")
    script.draw("loss.svg", chart)
    assert "training steps" in (tmp_path / "images" / "loss.svg").read_text()


def test_panels_hold_the_learned_score_beside_the_exact_one(script: ModuleType) -> None:
    values = {"score_error_relative": 0.1, "mode_weight_error": 0.2, "precision": 0.9}
    rows = [
        {"model": "ncsn", "schedule": "constant", "schedule.sigma": 0.1, **values},
        {"model": "gaussian_mixture", "schedule": "constant", "schedule.sigma": 0.1, **values},
        {"model": "ncsn", "schedule": "geometric", **values},
    ]
    panels = script.sigma_tradeoff(pd.DataFrame(rows)).hconcat
    curves = [set(panel.layer[0].data["score"]) for panel in panels]
    assert curves == [{"learned"}, {"learned", "exact"}, {"learned", "exact"}]
    assert [len(panel.layer[1].data) for panel in panels] == [1, 1, 1]


def test_each_panel_of_noise_levels_varies_its_own_end(script: ModuleType) -> None:
    rows = [
        *[(high, 0.1, 5, True) for high in (1, 10)],  # where levels begin
        *[(10, low, 5, end) for low in (0.1, 1) for end in (True, False)],  # where they end
        *[(9, 0.2, n, None) for n in (3, 30)],  # how many
    ]
    names = ["schedule.sigma_max", "schedule.sigma_min", "schedule.n", "sampler.denoise"]
    table = pd.DataFrame(rows, columns=names).assign(model="ncsn", fid=1.0)
    first, many, last = script.noise_levels(table).hconcat
    assert set(first.layer[0].data["schedule_sigma_max"]) == {1, 10}
    assert set(first.layer[0].data["end"]) == {"denoised"}
    assert set(many.layer[0].data["schedule_n"]) == {3, 30}
    assert len(last.data) == 5
