"""What the shipped samplers do to each other and to mistakes.

That each is right is proven in ``test_conformance.py`` and ``test_slow_versions.py``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from torch import Tensor

import scorebench
from scorebench import UserError
from scorebench.running.noise import StreamNoise
from scorebench.testing.exact_models import GAUSSIAN, MIXTURE
from scorebench.testing.impulses import response
from scorebench.testing.levels import levels
from scorebench_plugins.samplers.ancestral import ancestral_split
from scorebench_plugins.samplers.exponential_integrals import exponential_integrals


def walk(name: str, parameters: Mapping[str, Any], sigmas: Tensor, count: int = 8) -> Tensor:
    noise = StreamNoise(0, range(count), MIXTURE.event_shape, dtype=torch.float64)
    sampler = scorebench.build("sampler", name, **parameters)
    *_, x = sampler.trajectory(MIXTURE, sigmas, noise)
    assert isinstance(x, Tensor)
    return x


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ddim", {}), ("euler", {})),
        (("ddim", {"eta": 1.0}), ("euler_ancestral", {})),
        (("ddim", {"eta": 0.4}), ("euler_ancestral", {"eta": 0.4})),
        (("dpmpp_2m_sde", {"eta": 0.0}), ("dpmpp_2m", {})),
        (("dpmpp_3m_sde", {"eta": 0.0}), ("dpmpp_3m", {})),
        (("dpmpp_sde", {"eta": 0.0}), ("dpmpp_2s", {})),
        (
            ("sa_solver", {"corrector_order": 0}),
            ("dpmpp_3m_sde", {}),
        ),
        (("deis", {"order": 1}), ("euler", {})),
        (("ipndm", {"order": 1}), ("euler", {})),
        (("predictor_corrector", {"corrector_steps": 0}), ("reverse_diffusion", {})),
        (
            ("predictor_corrector", {"corrector_steps": 0, "predictor": "euler_ancestral"}),
            ("euler_ancestral", {}),
        ),
    ],
)
def test_some_samplers_are_others_at_the_end_of_their_range(
    one: tuple[str, dict[str, Any]], other: tuple[str, dict[str, Any]]
) -> None:
    sigmas = levels(12)
    torch.testing.assert_close(walk(*one, sigmas), walk(*other, sigmas), rtol=1e-11, atol=1e-11)


def test_deis_and_ipndm_are_one_on_equal_steps() -> None:
    sigmas = torch.linspace(5, 0.5, 12, dtype=torch.float64)
    for order in (2, 3, 4):
        deis, ipndm = (walk(name, {"order": order}, sigmas) for name in ("deis", "ipndm"))
        torch.testing.assert_close(deis, ipndm, rtol=1e-11, atol=1e-11)
        assert not torch.allclose(
            walk("deis", {"order": order}, levels(12)), walk("ipndm", {"order": order}, levels(12))
        )


def test_churn_is_added_between_its_bounds_only() -> None:
    sigmas = levels(10)
    inside = sum(0.1 <= s <= 1 for s in sigmas.tolist())
    assert 0 < inside < 10
    for name in ("euler", "heun"):
        sampler = scorebench.build("sampler", name, s_churn=5, s_min=0.1, s_max=1, s_noise=1.003)
        found = response(sampler, GAUSSIAN, sigmas)
        assert len(found.gains) == 1 + inside


def test_langevin_settles_at_the_biased_variance_of_its_step() -> None:
    eta, sigma = 0.2, 0.5
    langevin = scorebench.build("sampler", "langevin", step_size=eta, steps=400)
    found = response(langevin, GAUSSIAN, levels(1)).std[1] ** 2
    variance = GAUSSIAN.stds[0][1] ** 2 + sigma**2
    assert float(found) == pytest.approx(variance / (1 - eta / (4 * variance)))


def test_underdamped_langevin_settles_at_the_right_variance_whatever_its_step() -> None:
    for step in (0.1, 0.5, 0.9):
        sampler = scorebench.build("sampler", "underdamped_langevin", step_size=step, steps=800)
        found = response(sampler, GAUSSIAN, levels(1))
        expected = torch.tensor([s**2 + 0.25 for s in GAUSSIAN.stds[0]], dtype=torch.float64)
        torch.testing.assert_close(found.std**2, expected, rtol=1e-6, atol=0)


def test_without_noise_langevin_climbs_to_the_mode() -> None:
    langevin = scorebench.build("sampler", "langevin", step_size=0.1, steps=2000, noise_scale=0)
    found = response(langevin, GAUSSIAN, levels(1))
    assert len(found.gains) == 1
    assert found.std.max() < 1e-9
    torch.testing.assert_close(found.offset, torch.tensor(GAUSSIAN.means[0], dtype=torch.float64))


@pytest.mark.parametrize("name", ["langevin", "mala", "underdamped_langevin"])
def test_chains_refuse_several_levels(name: str) -> None:
    sampler = scorebench.build("sampler", name, step_size=0.1)
    with pytest.raises(ValueError, match=f"{name} stays at one noise level, but .* has 3; use"):
        sampler.nfe(3)


@pytest.mark.parametrize(
    "name",
    [
        "annealed_langevin",
        "consistent_annealed_langevin",
        "langevin",
        "mala",
        "underdamped_langevin",
    ],
)
@pytest.mark.parametrize("bad", [0, -1, "nan", "fast"])
def test_step_sizes_must_be_positive(name: str, bad: object) -> None:
    with pytest.raises(UserError, match="step_size: expected float > 0"):
        scorebench.build("sampler", name, step_size=bad)


@pytest.mark.parametrize("name", ["ddim", "euler_ancestral", "dpm_solver_2", "dpmpp_2s"])
def test_the_share_of_noise_lies_between_0_and_1(name: str) -> None:
    for bad in (-0.1, 1.1, "nan"):
        with pytest.raises(UserError, match="eta: expected float ≥ 0 ≤ 1"):
            scorebench.build("sampler", name, eta=bad)


def test_consistent_steps_must_suit_the_levels() -> None:
    sigmas = torch.tensor([1.0, 0.5, 0.25], dtype=torch.float64)
    for good in (0.5 * 0.25**2, 1.5 * 0.25**2, 0.25**2):
        assert walk("consistent_annealed_langevin", {"step_size": good}, sigmas).isfinite().all()
    for bad in (0.49 * 0.25**2, 1.51 * 0.25**2):
        with pytest.raises(
            UserError, match=r"must be between 0\.03125 and 0\.09375 on these noise"
        ):
            walk("consistent_annealed_langevin", {"step_size": bad}, sigmas)


@given(st.floats(0.1, 1.0), st.floats(1e-3, 0.9), st.booleans())
def test_the_bounds_that_are_told_are_kept(sigma: float, ratio: float, upper: bool) -> None:
    sigmas = torch.tensor([sigma / ratio, sigma], dtype=torch.float64)
    with pytest.raises(UserError) as raised:
        walk("consistent_annealed_langevin", {"step_size": 3 * sigma**2}, sigmas)
    told = re.findall(r"between (\S+) and (\S+) on", str(raised.value))[0][upper]
    x = walk("consistent_annealed_langevin", {"step_size": float(told)}, sigmas)
    assert x.isfinite().all()


def test_consistent_noise_is_that_of_the_level() -> None:
    """On a point mass the state at every level has exactly the standard deviation σ."""
    from scorebench.testing.exact_models import ExactMixture

    point = ExactMixture([1.0], [[0.0]], [[0.0]])
    sigmas = torch.tensor([1.0, 0.8, 0.5, 0.3], dtype=torch.float64)
    sampler = scorebench.build("sampler", "consistent_annealed_langevin", step_size=0.06)
    for n in (2, 3, 4):
        # The last step adds no noise: what is left of it tells what there was before.
        found = response(sampler, point, sigmas[:n] * 0.3 / sigmas[n - 1])
        assert float(found.std) == pytest.approx(0.3 * (1 - 0.06 / 0.09), rel=1e-12)


def test_predictor_corrector_is_algorithm_2_with_the_step_of_algorithm_4() -> None:
    """Against loops over samples and coordinates, from the same numbers."""
    sigmas, count, snr = levels(6), 5, 0.2
    for batch_mean in (False, True):
        parameters = {"snr": snr, "corrector_steps": 2, "batch_mean": batch_mean}
        found = walk("predictor_corrector", parameters, sigmas, count)
        noise = StreamNoise(0, range(count), MIXTURE.event_shape, dtype=torch.float64)
        x = [float(sigmas[0]) * row for row in noise.normal()]

        def score(point: Tensor, sigma: Tensor) -> Tensor:
            return MIXTURE.score(point[None], sigma)[0]

        for sigma, following in pairwise(sigmas):
            variance, z = float(sigma**2 - following**2), noise.normal()
            for i in range(count):
                x[i] = x[i] + variance * score(x[i], sigma) + math.sqrt(variance) * z[i]
            for _ in range(2):
                z = noise.normal()
                scores = [score(point, following) for point in x]
                signal = [math.dist(g, [0, 0]) for g in scores]
                random = [math.dist(row, [0, 0]) for row in z]
                if batch_mean:
                    signal = [sum(signal) / count] * count
                    random = [sum(random) / count] * count
                for i in range(count):
                    step = 2 * (snr * random[i] / signal[i]) ** 2
                    x[i] = x[i] + step * scores[i] + math.sqrt(2 * step) * z[i]
        expected = torch.stack([MIXTURE.denoise(p[None], sigmas[-1])[0] for p in x])
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_means_over_the_batch_couple_samples_and_are_declared() -> None:
    coupled = scorebench.build("sampler", "predictor_corrector", batch_mean=True)
    assert coupled.coupled
    assert not scorebench.build("sampler", "predictor_corrector").coupled
    assert not scorebench.build(
        "sampler", "predictor_corrector", batch_mean=True, corrector_steps=0
    ).coupled


def test_a_samples_own_norms_suit_many_dimensions_and_the_batchs_suit_few() -> None:
    """Where a score is near 0 by chance, the step that its norm alone decides is far too long."""
    sigmas = levels(30)
    spread = {}
    for dimensions in (1, 64):
        model = scorebench.load("score_model", "gaussian", mean=[0.0] * dimensions, std=1.0)
        for batch_mean in (False, True):
            sampler = scorebench.build("sampler", "predictor_corrector", batch_mean=batch_mean)
            x = scorebench.sample(model, sampler, sigmas, 1000, batch_size=1000).x
            spread[dimensions, batch_mean] = float(x.std())
    assert spread[1, False] > 5
    for case in ((1, True), (64, False), (64, True)):
        assert spread[case] == pytest.approx(1.1, abs=0.15)


@pytest.mark.parametrize("q", [1 - 1e-12, 0.9, 0.3, 1e-6, 1e-12])
@pytest.mark.parametrize("eta", [0.0, 1e-6, 0.5, 1.0])
def test_an_ancestral_step_keeps_its_digits_at_any_ratio(q: float, eta: float) -> None:
    sigma = 80.0
    following = q * sigma
    down, up = ancestral_split(sigma, following, eta)
    with localcontext() as precise:
        precise.prec = 60
        s, t, share = Decimal(sigma), Decimal(following), Decimal(eta)
        exact_up = share * t * (1 - (t / s) ** 2).sqrt()
        exact_down = (t**2 - exact_up**2).sqrt()
    assert down == pytest.approx(float(exact_down), rel=1e-9)
    assert up == pytest.approx(float(exact_up), rel=1e-4 if q > 0.99 else 1e-12)


@pytest.mark.parametrize("h", [1e-6, 1e-3, 0.1, 1.0, 9.9, 10.1, 100.0, 1e4])
def test_exponential_integrals_are_exact_for_short_and_long_steps(h: float) -> None:
    for n, found in enumerate(exponential_integrals(h, 5)):
        exact = h * sum(in_pieces(h, n))
        assert found == pytest.approx(exact, rel=1e-12)


def in_pieces(h: float, n: int) -> list[float]:
    """∫₀¹ e^(−h(1 − u))·uⁿ du in pieces that adaptive quadrature can't overlook."""
    edges = [0.0, *(1 - 30 / h * f for f in (1.0, 0.3, 0.1, 0.03) if 30 / h * f < 1), 1.0]
    return [
        quad(lambda u: math.exp(-h * (1 - u)) * u**n, a, b, epsabs=0, epsrel=1e-13)[0]
        for a, b in pairwise(edges)
    ]
