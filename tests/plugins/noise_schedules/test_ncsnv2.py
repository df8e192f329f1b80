from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import norm

import scorebench
from scorebench import ComponentSpec, Context, Data, Dataset, UserError
from scorebench.plugin.component import Kind
from scorebench.plugin.host import Host
from scorebench.running.sampling import check_sigmas


@dataclass(frozen=True, kw_only=True)
class Given(Dataset):
    """Samples that a test made."""

    data: Data

    def load(self, context: Context) -> Data:
        return self.data


class GivenHost(Host):
    """Knows one dataset."""

    def __init__(self, data: Data) -> None:
        super().__init__()
        self.data = data

    def build(self, kind: Kind, name: str, values: Mapping[str, Any]) -> Any:
        assert (kind, name) == ("dataset", "given")
        return Given(data=self.data)


def levels_of(x: torch.Tensor, cache: Path, **parameters: Any) -> torch.Tensor:
    context = Context(
        host=GivenHost(Data(x)), default_dataset=ComponentSpec("given"), cache_dir=cache
    )
    built = scorebench.build("noise_schedule", "ncsnv2", **parameters)
    levels: torch.Tensor = built.sigmas(context)
    return levels


def share(ratio: float, dimension: int) -> float:
    """Of lengths N(√D, 1/2), how many are within three deviations of those γ times as long."""
    middle, deviation = ratio * math.sqrt(dimension), ratio / math.sqrt(2)
    lengths = norm(math.sqrt(dimension), 1 / math.sqrt(2))
    return float(lengths.cdf(middle + 3 * deviation) - lengths.cdf(middle - 3 * deviation))


def test_levels_of_digits_follow_from_the_digits() -> None:
    built = scorebench.build("noise_schedule", "ncsnv2", dataset="digits")
    levels = built.sigmas(Context())
    x = scorebench.load("dataset", "digits").x.flatten(1).double() / 127.5 - 1
    check_sigmas(levels)
    assert float(levels[0]) == pytest.approx(pdist(x.numpy()).max(), rel=1e-12)
    assert float(levels[-1]) == pytest.approx(0.01, rel=1e-12)
    ratios = levels[:-1] / levels[1:]
    torch.testing.assert_close(ratios, ratios.mean().expand(len(ratios)))
    assert share(float(ratios[0]), 64) >= 0.5
    one_fewer = float(levels[0] / levels[-1]) ** (1 / (len(levels) - 2))
    assert share(one_fewer, 64) < 0.5


def test_images_are_scaled_and_other_samples_are_not(tmp_path: Path) -> None:
    images = torch.tensor([[0] * 9, [255] * 9], dtype=torch.uint8).reshape(2, 1, 3, 3)
    assert float(levels_of(images, tmp_path)[0]) == pytest.approx(6)
    assert float(levels_of(images, tmp_path, value_range=[0, 1])[0]) == pytest.approx(3)
    assert float(levels_of(images.double(), tmp_path)[0]) == pytest.approx(255 * 3)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_n_takes_the_place_of_technique_2(tmp_path: Path, n: int) -> None:
    levels = levels_of(torch.tensor([[0.0, 0.0], [3.0, 4.0]]), tmp_path, n=n, sigma_min=0.5)
    expected = [5.0] if n == 1 else [5 * 0.1 ** (i / (n - 1)) for i in range(n)]
    assert levels.tolist() == pytest.approx(expected)


def test_more_overlap_takes_more_levels(tmp_path: Path) -> None:
    x = torch.randn(20, 100, generator=torch.Generator().manual_seed(0))
    counts = [len(levels_of(x, tmp_path, overlap=c)) for c in (0.1, 0.5, 0.9, 0.99)]
    assert counts == sorted(set(counts))


def test_the_distance_is_computed_once_for_all_schedules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(20, 100, generator=torch.Generator().manual_seed(0))
    first = levels_of(x, tmp_path, n=3)

    def refuse(x: object) -> float:
        raise AssertionError("computed again")

    monkeypatch.setattr("scorebench.levels.largest_distance", refuse)
    again = levels_of(x, tmp_path, n=5, sigma_min=0.1)
    assert float(again[0]) == float(first[0])
    with pytest.raises(AssertionError, match="computed again"):
        levels_of(x + 1, tmp_path, n=3)


@pytest.mark.parametrize(
    ("x", "parameters", "told"),
    [
        ([[0.0] * 9, [0.001] * 9], {}, r"sigma_min \(0.01\) must be below the largest distance"),
        ([[0.0, 0], [3, 4]], {}, "in 2 dimensions levels overlap whatever their ratio; give n"),
        ([[1.0] * 9] * 3, {}, "all samples are equal"),
        ([[1.0] * 9, [math.nan] * 9], {}, "aren't finite"),
        ([[0.0] * 9, [1.0] * 9], {"overlap": 1}, "overlap: expected float > 0 ≤ 0.99"),
        ([[0.0] * 9, [1.0] * 9], {"value_range": [1, 0]}, "lower bound must be below"),
    ],
)
def test_data_or_parameters_without_levels_are_refused_in_one_line(
    tmp_path: Path, x: list[list[float]], parameters: dict[str, Any], told: str
) -> None:
    with pytest.raises(UserError, match=told) as caught:
        levels_of(torch.tensor(x), tmp_path, **parameters)
    assert "\n" not in str(caught.value)


def test_without_a_dataset_it_says_how_to_name_one() -> None:
    with pytest.raises(UserError, match=r"name one, e\.g\. dataset: digits"):
        scorebench.build("noise_schedule", "ncsnv2").sigmas(Context())
