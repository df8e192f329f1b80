"""FID as a component: its columns, the state it keeps, published statistics as the reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import scorebench
from scorebench import Context, Evidence, UserError
from scorebench.metrics import (
    fid_infinity,
    frechet_distance,
    frechet_interval,
    gaussian_statistics,
)
from scorebench_plugins.metrics.fid import FID


def evidence(seed: int, count: int = 60, dimension: int = 3) -> Evidence:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(seed, 1 + seed, size=(count, dimension)).astype(np.float32)
    return Evidence(count, vectors=vectors)


def stored(metric: FID, reference: Evidence, folder: Path) -> dict[str, np.ndarray]:
    """The prepared state as the harness's cache gives it back."""
    state = metric.prepare(reference, Context(cache_dir=folder))
    path = folder / "state.safetensors"
    save_file({name: np.ascontiguousarray(array) for name, array in state.items()}, path)
    return load_file(path)


@pytest.mark.parametrize("counts", [(60, 60), (3, 60), (60, 2)])
def test_it_is_the_frechet_distance(counts: tuple[int, int], tmp_path: Path) -> None:
    real, fake = (evidence(i, n) for i, n in enumerate(counts))
    expected = frechet_distance(
        gaussian_statistics(real.vectors), gaussian_statistics(fake.vectors)
    )
    assert FID().compute(stored(FID(), real, tmp_path), fake) == {"fid": expected}
    assert expected > 1


def test_its_state_is_enough_to_do_no_work_on_the_reference_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = stored(FID(), evidence(0), tmp_path)
    assert {name: array.shape for name, array in state.items()} == {"mean": (3,), "root": (3, 3)}
    monkeypatch.setattr("scorebench.metrics.gaussian.cholesky", None)  # not callable
    assert FID().compute(state, evidence(1))["fid"] > 1


def test_optional_columns_are_those_of_the_functions(tmp_path: Path) -> None:
    metric = FID(infinity=4, jackknife=5, seed=3)
    real, fake = evidence(0), evidence(1)
    reference = gaussian_statistics(real.vectors)
    low, high = frechet_interval(reference, fake.vectors, 5)
    columns = metric.compute(stored(metric, real, tmp_path), fake)
    assert columns == {
        "fid": frechet_distance(reference, gaussian_statistics(fake.vectors)),
        "fid_infinity": fid_infinity(reference, fake.vectors, 4, seed=3),
        "fid_low": low,
        "fid_high": high,
    }
    assert low < columns["fid"] < high
    assert dict(metric.better) == {"fid": "lower", "fid_infinity": "lower"}
    assert dict(FID(jackknife=5).better) == {"fid": "lower"}


@pytest.mark.parametrize(
    "given", [{}, {"infinity": 2}, {"jackknife": 2}, {"jackknife": 7}, {"jackknife": 3}]
)
def test_minimum_samples_is_the_fewest_it_takes(given: dict[str, int], tmp_path: Path) -> None:
    metric = FID(**given)
    state = stored(metric, evidence(0, metric.minimum_samples), tmp_path)
    columns = metric.compute(state, evidence(1, metric.minimum_samples))
    assert all(map(np.isfinite, columns.values()))
    with pytest.raises(UserError, match=r"^(features|groups): expected "):
        metric.compute(state, evidence(1, metric.minimum_samples - 1))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"infinity": 1}, "infinity: a line takes at least 2 sizes; 0 for none"),
        ({"jackknife": 1}, "jackknife: a variance takes at least 2 groups; 0 for none"),
        ({"infinity": -1}, "infinity: expected int ≥ 0"),
        ({"seed": -1}, "seed: expected int ≥ 0"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(given: dict[str, int], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        scorebench.build("metric", "fid", **given)


def test_published_statistics_can_be_the_reference(tmp_path: Path) -> None:
    real, fake = evidence(0), evidence(1)
    path = tmp_path / "published.npz"
    np.savez(path, mu=real.vectors.mean(axis=0), sigma=np.cov(real.vectors.T))
    metric = scorebench.build("metric", "fid", statistics=str(path))
    other = evidence(2)  # the suite's reference, which isn't looked at
    columns = metric.compute(stored(metric, other, tmp_path), fake)
    expected = FID().compute(stored(FID(), real, tmp_path), fake)
    assert columns == pytest.approx(expected, rel=1e-6)  # of the file, a mean in float32


def test_published_statistics_must_be_of_the_suites_features(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    np.savez(path, mu=np.zeros(5), sigma=np.eye(5))
    with pytest.raises(UserError, match=r"other\.npz: statistics of 5 dimensions, but .* have 3"):
        FID(statistics=path).prepare(evidence(0), Context(cache_dir=tmp_path))


def test_a_suite_has_all_columns_and_runs_again_when_the_statistics_change(
    small_suite: dict[str, Any], write_suite: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    path = tmp_path / "published.npz"
    small_suite["samples"] = 20
    small_suite["metrics"] = [
        {"name": "fid", "statistics": str(path), "infinity": 2, "jackknife": 2}
    ]
    found = []
    for offset in (0, 1):
        np.savez(path, mu=np.full(2, float(offset)), sigma=np.eye(2))
        table = scorebench.run(write_suite(small_suite), results=tmp_path / "results", device="cpu")
        assert set(table["status"]) == {"ok"}
        found.append(table)
    assert {"fid", "fid_infinity", "fid_low", "fid_high"} <= set(found[0])
    assert not set(found[0]["fingerprint"]) & set(found[1]["fingerprint"])
    assert (found[0]["fid"] != found[1]["fid"]).all()
