"""Fisher divergences against closed forms, what the columns are, and where the levels come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import scorebench
from scorebench import Context, Evidence, UserError

STANDARD = {"name": "gaussian", "mean": [0, 0], "std": 1}
MIXTURE = {"name": "gaussian_mixture", "means": [[-2, 0], [2, 1]], "stds": [0.3, 1]}


def measure(
    truth: Any, model: Mapping[str, Any], walked: Any = (1.0,), dtype: str = "float64", **given: Any
) -> dict[str, float]:
    """The columns for a model that was sampled on the levels ``walked``."""
    context = Context(dtype=dtype)
    metric = scorebench.build("metric", "score_error", truth=truth, **given)
    parameters = {name: value for name, value in model.items() if name != "name"}
    loaded = scorebench.build("score_model", model["name"], **parameters).load(context)
    generated = Evidence(1, model=loaded, sigmas=np.array(walked, dtype=float), context=context)
    return dict(metric.compute(metric.prepare(Evidence(1), context), generated))


def gaussian(mean: float, std: float, d: int = 3) -> dict[str, Any]:
    return {"name": "gaussian", "mean": [mean] * d, "std": std}


@pytest.mark.parametrize("d", [1, 3])
def test_a_shifted_gaussian_has_the_same_error_everywhere(d: int) -> None:
    found = measure(gaussian(0, 0.5, d), gaussian(0.2, 0.5, d), sigmas=[2, 0.5, 0.05], samples=7)
    divergences = [d / 2 * (0.2 / (0.25 + sigma**2)) ** 2 for sigma in (2, 0.5, 0.05)]
    weighted = [s**2 * f / d for s, f in zip((2, 0.5, 0.05), divergences, strict=True)]
    relative = found.pop("score_error_relative")
    assert found == pytest.approx(
        {
            "score_error": sum(weighted) / 3,
            "fisher_divergence": sum(divergences) / 3,
            "score_error_2": weighted[0],
            "score_error_0p5": weighted[1],
            "score_error_0p05": weighted[2],
        },
        rel=1e-9,
    )
    assert relative > 0


@given(
    std=st.floats(0.3, 3), shift=st.floats(-2, 2), other=st.floats(0.3, 3), sigma=st.floats(0.1, 3)
)
@settings(max_examples=15, deadline=None)
def test_any_two_gaussians_have_the_divergence_in_closed_form(
    std: float, shift: float, other: float, sigma: float
) -> None:
    found = measure(gaussian(0, std), gaussian(shift, other), sigmas=[sigma], samples=20_000)
    true, pull = 1 / (std**2 + sigma**2), 1 / (other**2 + sigma**2)
    expected = 3 / 2 * ((true - pull) ** 2 / true + (pull * shift) ** 2)
    # of 60,000 squares of normal numbers the mean is right to 0.6% (one standard error)
    assert found["fisher_divergence"] == pytest.approx(expected, rel=0.04)
    assert found["score_error"] == pytest.approx(sigma**2 * expected / 3, rel=0.04)
    assert found["score_error_relative"] == pytest.approx(expected / (3 / 2 * true), rel=0.04)


@pytest.mark.parametrize(
    ("dtype", "least", "most"),
    [("float64", 0, 0), ("float32", 1e-18, 1e-10), ("bfloat16", 1e-7, 1e-2)],
)
def test_a_mixture_has_no_error_from_itself_but_its_rounding(
    dtype: str, least: float, most: float
) -> None:
    found = measure(MIXTURE, MIXTURE, sigmas=[20, 1, 0.01], dtype=dtype)
    assert least <= found["score_error_relative"] <= most
    assert max(found.values()) <= most
    assert measure(MIXTURE, STANDARD, sigmas=[20, 1, 0.01])["score_error"] > 0.01


def test_a_score_of_zero_is_as_wrong_as_a_score_of_zero(tmp_path: Path) -> None:
    path = tmp_path / "zero.py"
    path.write_text("def zero(x, noise):\n    return 0 * x\n")
    zero = {"name": "module", "target": f"{path}:zero", "event_shape": [2], "prediction": "score"}
    for sigmas in ([0.1], [5, 0.5]):
        assert measure(MIXTURE, zero, sigmas=sigmas)["score_error_relative"] == 1


def test_the_relative_error_is_that_of_the_worst_level() -> None:
    sigmas = [3.0, 1.0, 0.1]
    each = [measure(MIXTURE, STANDARD, sigmas=[s])["score_error_relative"] for s in sigmas]
    together = measure(MIXTURE, STANDARD, sigmas=sigmas)["score_error_relative"]
    assert together == max(each)
    assert min(each) < 0.8 * max(each)


def test_levels_are_those_of_the_schedule_unless_given() -> None:
    walked = [5.0, 1.0, 0.2]
    found = measure(MIXTURE, STANDARD, walked)
    given = measure(MIXTURE, STANDARD, [80.0], sigmas=walked)
    assert found == {name: given[name] for name in found}
    assert list(found) == ["score_error", "fisher_divergence", "score_error_relative"]


def test_of_a_long_schedule_twenty_levels_are_used_with_both_ends() -> None:
    walked = np.geomspace(10, 0.01, 191)
    used = walked[::10]
    assert (used[0], used[-1], len(used)) == (walked[0], walked[-1], 20)
    assert measure(MIXTURE, STANDARD, walked, samples=50) == measure(
        MIXTURE, STANDARD, used, samples=50
    )


def test_at_level_0_the_divergence_of_the_data_itself_is_not_weighted() -> None:
    found = measure(gaussian(0, 0.5, 2), gaussian(0.2, 0.5, 2), [0.0], samples=5)
    assert found["fisher_divergence"] == pytest.approx((0.2 / 0.25) ** 2, rel=1e-9)
    assert found["score_error"] == pytest.approx((0.2 / 0.25) ** 2 / 2, rel=1e-9)


@pytest.mark.parametrize(
    ("truth", "reason"),
    [
        ({**STANDARD, "std": 0}, "truth: gaussian has no score at σ = 0; compare at levels above"),
        ({"name": "empirical", "dataset": "digits"}, "samples of shape \\[1, 8, 8\\], but .* \\[2"),
        ("gaussian", "truth: gaussian has samples of shape \\[1\\], but those of the model are"),
        ({"name": "energy", "energy": "ring"}, "truth: energy can't draw exact samples; use"),
    ],
)
def test_a_truth_that_can_not_be_compared_with_is_refused(truth: Any, reason: str) -> None:
    with pytest.raises(UserError, match=f"score_error: .*{reason}"):
        measure(truth, STANDARD, [0.0])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "parameter truth is required"),
        ({"truth": 3}, "truth: 3: expected a name or a mapping with a name"),
        ({"truth": "gaussian", "sigmas": [0]}, "sigmas: expected list of float > 0"),
        ({"truth": "gaussian", "sigmas": []}, "sigmas: expected list of float > 0"),
        (
            {"truth": "gaussian", "sigmas": [1, 0.5, 0.50000001]},
            "two of the noise levels would both be column score_error_0p5",
        ),
    ],
)
def test_parameters_that_are_none_are_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        scorebench.build("metric", "score_error", **given)


def test_a_level_is_a_word_in_its_column_and_every_column_is_ranked() -> None:
    found = measure(MIXTURE, STANDARD, sigmas=[1e6, 50, 0.05, 1.25e-5], samples=2)
    levels = [f"score_error_{name}" for name in ("1e06", "50", "0p05", "1p25em05")]
    assert list(found)[3:] == levels
    metric = scorebench.build(
        "metric", "score_error", truth=MIXTURE, sigmas=[1e6, 50, 0.05, 1.25e-5]
    )
    assert metric.better == dict.fromkeys(found, "lower")


def test_draws_are_those_of_the_seed_and_leave_the_global_state_alone() -> None:
    torch.manual_seed(5)
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = measure(MIXTURE, STANDARD, samples=50)
    assert torch.get_rng_state().equal(state)
    assert (np.random.get_state()[1] == numpy_state).all()
    torch.manual_seed(6)
    assert measure(MIXTURE, STANDARD, samples=50) == first
    assert measure(MIXTURE, STANDARD, samples=50, seed=1) != first


def test_memory_is_bounded_by_batches_that_change_no_draw(tmp_path: Path) -> None:
    path = tmp_path / "counting.py"
    path.write_text(
        "sizes = []\n\ndef score(x, noise):\n    sizes.append(len(x))\n    return 0 * x\n"
    )
    model = {"name": "module", "target": f"{path}:score", "event_shape": [2], "prediction": "score"}
    sizes = scorebench.Importable(str(path), "sizes").load()
    measure(STANDARD, model, samples=2500, sigmas=[1, 0.5])
    assert sum(sizes) == 2 * 2500
    assert max(sizes) <= 1024


def test_a_suite_measures_every_cell_alike(
    small_suite: dict[str, Any], write_suite: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    truth = {"name": "gaussian", "mean": [0.8, -1.0], "std": 0.5}
    small_suite["metrics"] = ["fid", {"name": "score_error", "truth": truth, "samples": 100}]
    table = scorebench.run(write_suite(small_suite), results=tmp_path / "results", device="cpu")
    assert set(table["status"]) == {"ok"}
    for n, rows in table.groupby("schedule.n"):
        levels = np.geomspace(5, 0.1, n)
        expected = np.mean(levels**2 / 4 * (0.2 / (0.25 + levels**2)) ** 2)
        assert rows["score_error"].nunique() == 1  # of both samplers
        assert rows["score_error"].iloc[0] == pytest.approx(expected, rel=1e-4)
    # what the metric asks the model isn't counted as the sampler's
    assert sorted(table["nfe"]) == [3, 5, 5, 9]


def test_the_truth_is_part_of_a_cells_fingerprint_and_may_be_fitted_to_the_suites_dataset(
    small_suite: dict[str, Any], write_suite: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    fitted = {"name": "factor_mixture", "components": 2, "rank": 2, "iterations": 3}
    small_suite |= {"dataset": "digits", "reference": "dataset", "samples": 8}
    small_suite["sweep"][0] |= {"model": fitted, "sampler": "euler"}
    small_suite["sweep"][0]["schedule"]["n"] = 2
    errors, fingerprints = [], set()
    for seed in (0, 1):
        small_suite["metrics"] = [
            {"name": "score_error", "truth": {**fitted, "seed": seed}, "samples": 20}
        ]
        table = scorebench.run(write_suite(small_suite), results=tmp_path / str(seed), device="cpu")
        assert list(table["status"]) == ["ok"]
        errors += list(table["score_error_relative"])
        fingerprints |= {*table["fingerprint"]}
    assert errors[0] < 1e-8
    assert errors[1] > 1e-4
    assert len(fingerprints) == 2


def test_a_truth_that_is_not_there_is_a_mistake_of_the_suite(
    small_suite: dict[str, Any], write_suite: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    small_suite["metrics"] = [{"name": "score_error", "truth": {"name": "gausian"}}]
    with pytest.raises(UserError, match=r"gausian.*did you mean gaussian"):
        scorebench.run(write_suite(small_suite), results=tmp_path / "results")
