"""Denoising losses against closed forms, and on which held-out data they are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scorebench
from scorebench import ComponentSpec, Context, Evidence, UserError

DIGITS = Context(dtype="float64", default_dataset=ComponentSpec("digits"))
MIXTURE = {"name": "gaussian_mixture", "means": [[-2, 0], [2, 1]], "stds": [0.3, 1]}


def load(context: Context, name: str, **parameters: Any) -> Any:
    return scorebench.build("score_model", name, **parameters).load(context)


def draws(model: Mapping[str, Any], samples: int = 40_000) -> dict[str, Any]:
    """Held-out data from a known density."""
    return {"name": "draws", "model": model, "samples": samples}


def measure(
    model: Mapping[str, Any], walked: Any = (1.0,), context: Context = DIGITS, **given: Any
) -> dict[str, float]:
    """The columns for a model that was sampled on the levels ``walked``."""
    metric = scorebench.build("metric", "dsm_loss", **given)
    generated = Evidence(
        1, model=load(context, **model), sigmas=np.array(walked, dtype=float), context=context
    )
    return dict(metric.compute(metric.prepare(Evidence(1), context), generated))


@given(std=st.floats(0.2, 5), sigma=st.floats(0.05, 5))
@settings(max_examples=8, deadline=None)
def test_the_optimum_on_a_gaussian_is_half_of_s2_over_s2_plus_sigma2(
    std: float, sigma: float
) -> None:
    truth = {"name": "gaussian", "std": std}
    found = measure(truth, dataset=draws(truth), sigmas=[sigma], samples=40_000)
    # of 40,000 squares of normal numbers the mean is right to 0.7% (one standard error)
    assert found["dsm_loss"] == pytest.approx(std**2 / (std**2 + sigma**2) / 2, rel=0.04)


def test_the_optimum_in_several_dimensions_is_the_mean_of_its_directions() -> None:
    covariance = np.array([[2.0, 0.6, 0], [0.6, 1.0, 0.2], [0, 0.2, 0.3]])
    truth = {"name": "gaussian", "mean": [1, -2, 3], "covariance": covariance.tolist()}
    found = measure(truth, dataset=draws(truth), sigmas=[3, 0.5, 0.05], samples=40_000)
    variances = np.linalg.eigvalsh(covariance)
    expected = [float((variances / (variances + s**2)).mean() / 2) for s in (3, 0.5, 0.05)]
    assert found == pytest.approx(
        {
            "dsm_loss": sum(expected) / 3,
            "dsm_loss_3": expected[0],
            "dsm_loss_0p5": expected[1],
            "dsm_loss_0p05": expected[2],
        },
        rel=0.02,
    )


def test_a_score_of_zero_loses_one_half(tmp_path: Path) -> None:
    path = tmp_path / "zero.py"
    path.write_text("def zero(x, noise):\n    return 0 * x\n")
    zero = {"name": "module", "target": f"{path}:zero", "event_shape": [2], "prediction": "score"}
    found = measure(zero, dataset=draws(MIXTURE), sigmas=[10, 0.01], samples=20_000)
    assert found["dsm_loss"] == pytest.approx(0.5, rel=0.03)
    assert found["dsm_loss_10"] == found["dsm_loss_0p01"]  # the same noise at every level


def test_models_differ_by_their_score_error() -> None:
    wrong = {"name": "gaussian", "mean": [0, 0], "std": 1.5}
    metric = scorebench.build(
        "metric", "score_error", truth=MIXTURE, sigmas=[1, 0.3], samples=40_000
    )
    generated = Evidence(1, model=load(DIGITS, **wrong), context=DIGITS)
    errors = metric.compute(metric.prepare(Evidence(1), DIGITS), generated)
    losses, best = (
        measure(model, dataset=draws(MIXTURE), sigmas=[1, 0.3], samples=40_000)
        for model in (wrong, MIXTURE)
    )
    for level in ("1", "0p3"):
        difference = losses[f"dsm_loss_{level}"] - best[f"dsm_loss_{level}"]
        assert difference == pytest.approx(errors[f"score_error_{level}"], rel=0.05)


@pytest.mark.parametrize("value_range", [[-1, 1], [0, 1], [-3, 5]])
def test_images_come_in_the_units_of_the_model(value_range: list[float]) -> None:
    # A model that knows each image by heart takes little noise off without error.
    model = {"name": "empirical", "value_range": value_range}
    sigma = 0.02 * (value_range[1] - value_range[0])
    assert measure(model, sigmas=[sigma], samples=50)["dsm_loss"] == pytest.approx(0, abs=1e-12)


def test_the_data_is_the_dataset_that_is_named_or_else_the_suites() -> None:
    model = {"name": "empirical", "dataset": {"name": "digits", "split": "train"}}
    own = measure(model, sigmas=[0.1], dataset={"name": "digits", "split": "train"}, samples=40)
    held_out = measure(model, sigmas=[0.1], dataset={"name": "digits", "split": "test"}, samples=40)
    assert own["dsm_loss"] < 1e-6
    assert held_out["dsm_loss"] > 1
    everything = measure(model, sigmas=[0.1])
    assert everything["dsm_loss"] == pytest.approx(held_out["dsm_loss"] / 5, rel=0.25)


def test_samples_are_chosen_at_random_and_once_each() -> None:
    data = DIGITS.dataset(None).x[:].numpy()

    def chosen(**given: Any) -> np.ndarray:
        metric = scorebench.build("metric", "dsm_loss", **given)
        return metric.prepare(Evidence(1), DIGITS)["clean"]

    def rows(images: np.ndarray) -> list[bytes]:
        return [image.tobytes() for image in images]

    some = chosen(samples=50)
    assert (some.shape, some.dtype) == ((50, 1, 8, 8), np.uint8)
    assert len({*rows(some)} & {*rows(data)}) == 50
    assert len({*rows(some)} & {*rows(data[:50])}) < 10
    assert rows(chosen(samples=50)) == rows(some) != rows(chosen(samples=50, seed=1))
    assert sorted(rows(chosen())) == sorted(rows(data))


def test_levels_are_those_of_the_schedule_unless_given() -> None:
    walked = [5.0, 1.0, 0.2]
    found = measure(MIXTURE, walked, dataset=draws(MIXTURE, 50))
    given = measure(MIXTURE, [80.0], dataset=draws(MIXTURE, 50), sigmas=walked)
    assert found == {"dsm_loss": given["dsm_loss"]}
    levels = [value for name, value in given.items() if name != "dsm_loss"]
    assert given["dsm_loss"] == pytest.approx(sum(levels) / 3, rel=1e-12)
    metric = scorebench.build("metric", "dsm_loss", sigmas=walked)
    assert metric.better == dict.fromkeys(given, "lower")


@pytest.mark.parametrize(
    ("model", "given", "walked", "reason"),
    [
        (MIXTURE, {}, [1.0], r"the held-out data has samples of shape \[1, 8, 8\], but .* \[2\]"),
        (
            {
                "name": "module",
                "target": "scorebench_plugins.score_models.module:unit_gaussian",
                "event_shape": [1, 8, 8],
                "prediction": "denoiser",
            },
            {},
            [1.0],
            "the held-out data are images, but the model has no value_range",
        ),
        (
            MIXTURE,
            {"dataset": draws(MIXTURE, 50)},
            [0.0],
            "at σ = 0 there is no noise to take off; give it sigmas",
        ),
    ],
)
def test_data_that_does_not_suit_the_model_is_refused(
    model: dict[str, Any], given: dict[str, Any], walked: list[float], reason: str
) -> None:
    with pytest.raises(UserError, match=f"dsm_loss: {reason}"):
        measure(model, walked, **given)


def test_without_any_held_out_data_a_dataset_is_asked_for() -> None:
    with pytest.raises(UserError, match="no dataset is given: name one"):
        measure(MIXTURE, context=Context())


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"dataset": 3}, "dataset: 3: expected a name or a mapping with a name"),
        ({"sigmas": [2, 2]}, "two of the noise levels would both be column dsm_loss_2"),
        ({"samples": 0}, "samples: expected int ≥ 1"),
    ],
)
def test_parameters_that_are_none_are_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        scorebench.build("metric", "dsm_loss", **given)


def test_a_suite_measures_its_model_on_its_dataset(
    small_suite: dict[str, Any], write_suite: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    small_suite |= {"dataset": "digits", "reference": "dataset", "samples": 8}
    small_suite["metrics"] = [{"name": "dsm_loss", "sigmas": [0.1, 20], "samples": 100}]
    small_suite["sweep"][0] |= {"model": "empirical", "sampler": ["euler", "heun"]}
    table = scorebench.run(write_suite(small_suite), results=tmp_path / "results", device="cpu")
    assert set(table["status"]) == {"ok"}
    assert (table[["dsm_loss_0p1", "dsm_loss_20"]].nunique() == 1).all()
    assert table["dsm_loss_0p1"].max() < 1e-3
    # far above the data's spread nothing is known but its mean
    data = DIGITS.dataset(None).x[:].double().flatten(1) * 2 / 255
    expected = data.var(0, correction=0).mean().item() / 400 / 2
    assert table["dsm_loss_20"].iloc[0] == pytest.approx(expected, rel=0.15)
