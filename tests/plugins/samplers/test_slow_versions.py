"""Samplers without a declared closed form against slow versions, exactly, on Gaussian data.

A state is the array of its coefficients on all numbers drawn, D(x, σ) = c(σ)·x, and a slow version
is the method written for a scalar: integrals by adaptive quadrature of interpolating polynomials,
systems of equations where the sampler has formulas and formulas where it has systems.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.interpolate import KroghInterpolator

import scorebench
from scorebench.testing.exact_models import GAUSSIAN
from scorebench.testing.impulses import response
from scorebench.testing.levels import levels

Array = np.ndarray[Any, np.dtype[np.float64]]
COUNTS = [5, 10, 18, 50]


class Draws:
    """Numbers drawn one after the other, as unit vectors."""

    def __init__(self, count: int) -> None:
        self.rows = iter(np.eye(count))

    def __call__(self) -> Array:
        return next(self.rows)


def kept(sigma: float, variance: float) -> float:
    """D(x, σ)/x."""
    return variance / (variance + sigma**2)


def integral(nodes: Sequence[float], values: Sequence[Array], a: float, b: float, weight) -> Array:  # type: ignore[no-untyped-def]
    """∫ weight·P from a to b, with P the polynomial through the values at the nodes."""
    total = np.zeros_like(values[0])
    for j, value in enumerate(values):
        basis = KroghInterpolator(nodes, np.eye(len(nodes))[j])
        found = quad(lambda u, basis=basis: weight(u) * basis(u), a, b, epsabs=0, epsrel=1e-13)
        total = total + found[0] * value
    return total


def exponential(
    x: Array,
    known: Sequence[tuple[float, Array]],
    t: float,
    eta: float = 0,
    start: float | None = None,
) -> Array:
    """Exact in the linear part, D a polynomial in λ = −log σ through what is known.

    From the level ``start``, the first of ``known`` unless given.
    """
    rate, here, there = 1 + eta, -math.log(start or known[0][0]), -math.log(t)
    nodes = [-math.log(level) for level, _ in known]
    values = [d for _, d in known]
    grown = integral(nodes, values, here, there, lambda u: rate * math.exp(-rate * (there - u)))
    return math.exp(-rate * (there - here)) * x + grown


def dpmpp_2m(sigmas: Sequence[float], v: float, draw: Draws, eta: float = 0.0) -> Array:
    x, before = sigmas[0] * draw(), None
    for i, (s, t) in enumerate(pairwise(sigmas)):
        h, d = math.log(s / t), kept(s, v) * x
        mixed = d
        if before is not None:
            r = math.log(sigmas[i - 1] / s) / h
            mixed = (1 + 1 / (2 * r)) * d - before / (2 * r)
        x = t / s * math.exp(-eta * h) * x - (math.exp(-(1 + eta) * h) - 1) * mixed
        if eta:
            x = x + t * math.sqrt(1 - math.exp(-2 * eta * h)) * draw()
        before = d
    return kept(sigmas[-1], v) * x


def dpmpp_3m(sigmas: Sequence[float], v: float, draw: Draws, eta: float = 0.0) -> Array:
    x = sigmas[0] * draw()
    past: list[tuple[float, Array]] = []
    for s, t in pairwise(sigmas):
        past = [(s, kept(s, v) * x), *past][:3]
        x = exponential(x, past, t, eta)
        if eta:
            x = x + t * math.sqrt(1 - (t / s) ** (2 * eta)) * draw()
    return kept(sigmas[-1], v) * x


def unipc(
    sigmas: Sequence[float], v: float, draw: Draws, order: int = 3, variant: str = "bh2"
) -> Array:
    x = predicted = sigmas[0] * draw()
    past: list[tuple[float, Array]] = []

    def step(t: float, known: Sequence[tuple[float, Array]], arrived: Array | None) -> Array:
        used = [*known, *([] if arrived is None else [(t, arrived)])]
        if len(used) != 2:
            return exponential(x, used, t)
        (s, newest), (level, other) = used
        h = math.log(s / t)
        b = h if variant == "bh1" else 1 - math.exp(-h)
        ratio = math.log(s / level) / h
        return t / s * x + (1 - t / s) * newest + b / 2 * (other - newest) / ratio

    for s, t in pairwise(sigmas):
        d = kept(s, v) * predicted
        if past:
            x = step(s, past, d)
        past = [(s, d), *past][:order]
        predicted = step(t, past, None)
    return kept(sigmas[-1], v) * predicted


def sa_solver(
    sigmas: Sequence[float],
    v: float,
    draw: Draws,
    tau: float = 1.0,
    predictor_order: int = 3,
    corrector_order: int = 3,
) -> Array:
    x = predicted = sigmas[0] * draw()
    past: list[tuple[float, Array]] = []
    fresh: Any = 0
    for s, t in pairwise(sigmas):
        here = (s, kept(s, v) * predicted)
        if not corrector_order:
            x = predicted
        elif past:
            known = [here, *past[:corrector_order]]
            x = exponential(x, known, s, tau**2, past[0][0]) + fresh
        past = [here, *past]
        if tau:
            fresh = t * math.sqrt(1 - math.exp(-2 * tau**2 * math.log(s / t))) * draw()
        predicted = exponential(x, past[:predictor_order], t, tau**2) + fresh
    return kept(sigmas[-1], v) * predicted


def deis(
    sigmas: Sequence[float], v: float, draw: Draws, order: int = 3, variable: str = "sigma"
) -> Array:
    x = sigmas[0] * draw()
    past: list[tuple[float, Array]] = []
    for s, t in pairwise(sigmas):
        past = [(s, (x - kept(s, v) * x) / s), *past][:order]
        values = [e for _, e in past]
        if variable == "sigma":
            x = x + integral([level for level, _ in past], values, s, t, lambda u: 1.0)
        else:
            nodes = [math.log(level) for level, _ in past]
            x = x + integral(nodes, values, math.log(s), math.log(t), math.exp)
    return kept(sigmas[-1], v) * x


def ipndm(sigmas: Sequence[float], v: float, draw: Draws, order: int = 4) -> Array:
    x, past = sigmas[0] * draw(), []
    for s, t in pairwise(sigmas):
        past = [(x - kept(s, v) * x) / s, *past][:order]
        nodes = [-float(j) for j in range(len(past))]  # as if all steps were equal
        x = x + (t - s) * integral(nodes, past, 0.0, 1.0, lambda u: 1.0)
    return kept(sigmas[-1], v) * x


def dpm_solver_3(sigmas: Sequence[float], v: float, draw: Draws) -> Array:
    x = sigmas[0] * draw()
    for s, t in pairwise(sigmas):
        h, r1, r2 = math.log(s / t), 1 / 3, 2 / 3
        s1, s2 = s * math.exp(-r1 * h), s * math.exp(-r2 * h)

        def epsilon(u: Array, level: float) -> Array:
            return (1 - kept(level, v)) / level * u

        first = epsilon(x, s)
        u1 = x - s1 * math.expm1(r1 * h) * first
        d1 = epsilon(u1, s1) - first
        ramp = math.expm1(r2 * h) / (r2 * h) - 1
        u2 = x - s2 * math.expm1(r2 * h) * first - s2 * r2 / r1 * ramp * d1
        d2 = epsilon(u2, s2) - first
        x = x - t * math.expm1(h) * first - t / r2 * (math.expm1(h) / h - 1) * d2
    return kept(sigmas[-1], v) * x


def dpmpp_sde(sigmas: Sequence[float], v: float, draw: Draws, eta: float = 1.0) -> Array:
    def ancestral(s: float, t: float) -> tuple[float, float]:
        up = eta * t * math.sqrt((s**2 - t**2) / s**2)
        return math.sqrt(t**2 - up**2), up

    x = sigmas[0] * draw()
    for s, t in pairwise(sigmas):
        m = math.exp((math.log(s) + math.log(t)) / 2)
        down, up = ancestral(s, m)
        # Brownian increments from s to m and from m to t, each of the variance of its length.
        first = math.sqrt(s - m) * draw() if eta else 0.0
        half = down / s * x + (1 - down / s) * kept(s, v) * x + up * first / math.sqrt(s - m)
        down, up = ancestral(s, t)
        second = math.sqrt(m - t) * draw() if eta else 0.0
        x = down / s * x + (1 - down / s) * kept(m, v) * half
        x = x + up * (first + second) / math.sqrt(s - t)
    return kept(sigmas[-1], v) * x


def underdamped_langevin(
    sigmas: Sequence[float],
    v: float,
    draw: Draws,
    step_size: float,
    steps: int,
    friction: float = 1.0,
    init: str = "normal",
    denoise: bool = False,
) -> Array:
    (sigma,), h = sigmas, step_size
    total = v + sigma**2
    start = draw()
    z = np.stack([sigma * start if init == "normal" else start, draw()])
    kick = np.array([[1, 0], [-h / 2 / total, 1]])
    drift = np.array([[1, h / 2], [0, 1]])
    friction_step = np.diag([1, math.exp(-friction * h)])
    for _ in range(steps):
        fresh = 0.0
        if friction:
            fresh = np.stack([0 * start, math.sqrt(1 - math.exp(-2 * friction * h)) * draw()])
        z = kick @ drift @ (friction_step @ drift @ kick @ z + fresh)
    return kept(sigma, v) * z[0] if denoise else z[0]


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize(
    ("name", "slow", "parameters"),
    [
        ("dpmpp_2m", dpmpp_2m, {}),
        ("dpmpp_2m_sde", dpmpp_2m, {"eta": 1.0}),
        ("dpmpp_2m_sde", dpmpp_2m, {"eta": 0.5}),
        ("dpmpp_3m", dpmpp_3m, {}),
        ("dpmpp_3m_sde", dpmpp_3m, {"eta": 1.0}),
        ("dpmpp_3m_sde", dpmpp_3m, {"eta": 0.3}),
        ("dpmpp_sde", dpmpp_sde, {"eta": 1.0}),
        ("dpmpp_sde", dpmpp_sde, {"eta": 0.5}),
        ("dpm_solver_3", dpm_solver_3, {}),
        ("unipc", unipc, {"order": 2}),
        ("unipc", unipc, {"order": 3}),
        ("unipc", unipc, {"order": 3, "variant": "bh1"}),
        ("sa_solver", sa_solver, {}),
        ("sa_solver", sa_solver, {"tau": 0.0}),
        ("sa_solver", sa_solver, {"tau": 0.5, "predictor_order": 2, "corrector_order": 1}),
        ("sa_solver", sa_solver, {"predictor_order": 3, "corrector_order": 0}),
        ("deis", deis, {"order": 2}),
        ("deis", deis, {"order": 3}),
        ("deis", deis, {"order": 4}),
        ("deis", deis, {"order": 3, "variable": "log_sigma"}),
        ("ipndm", ipndm, {"order": 2}),
        ("ipndm", ipndm, {"order": 3}),
        ("ipndm", ipndm, {"order": 4}),
    ],
)
def test_every_gain_is_that_of_the_slow_version(
    n: int, name: str, slow: Callable[..., Array], parameters: dict[str, Any]
) -> None:
    compare(name, parameters, levels(n).tolist(), slow)


@pytest.mark.parametrize("example", [0, 1])
def test_underdamped_langevin_is_a_product_of_matrices(example: int) -> None:
    from scorebench_plugins.samplers.underdamped_langevin import UnderdampedLangevin

    parameters = dict(UnderdampedLangevin.examples[example])
    compare("underdamped_langevin", parameters, [0.5], underdamped_langevin)


def compare(
    name: str, parameters: dict[str, Any], sigmas: Sequence[float], slow: Callable[..., Array]
) -> None:
    sampler = scorebench.build("sampler", name, **parameters)
    found = response(sampler, GAUSSIAN, torch.tensor(sigmas, dtype=torch.float64))
    assert found.misfit < 1e-11
    draws = len(found.gains)
    for k, std in enumerate(GAUSSIAN.stds[0]):
        expected = slow(sigmas, std**2, Draws(draws), **parameters)
        error = np.abs(found.gains[:, k, k].numpy() - expected).max() / np.abs(expected).max()
        assert error < 1e-10, f"{name} {parameters}, {len(sigmas)} levels, std {std}"
