from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import scorebench
from scorebench import ScoreModel, UserError
from scorebench.running.noise import StreamNoise
from scorebench.suite.load import load_suite
from scorebench.testing.exact_models import MIXTURE

SIGMA = torch.tensor([0.3], dtype=torch.float64)


def test_every_step_is_taken_or_not_as_the_ratio_of_densities_says() -> None:
    """Against a loop over samples that writes both transition densities out."""
    eta, steps, count = 0.5, 12, 6
    mala = scorebench.build("sampler", "mala", step_size=eta, steps=steps)
    found = scorebench.sample(MIXTURE, mala, SIGMA, count)
    noise = StreamNoise(0, range(count), (2,), dtype=torch.float64)
    points = [0.3 * row for row in noise.normal()]
    taken = 0
    for _ in range(steps):
        z, u = noise.normal(), noise.uniform()
        for i, point in enumerate(points):

            def forward(a: torch.Tensor, b: torch.Tensor) -> float:
                centre = a + eta / 2 * MIXTURE.score(a[None], SIGMA[0])[0]
                return -(math.dist(b, centre) ** 2) / (2 * eta)

            def density(a: torch.Tensor) -> float:
                return float(MIXTURE.log_prob(a[None], SIGMA[0]))

            drift = eta / 2 * MIXTURE.score(point[None], SIGMA[0])[0]
            proposal = point + drift + math.sqrt(eta) * z[i]
            ratio = density(proposal) + forward(proposal, point)
            ratio -= density(point) + forward(point, proposal)
            if math.log(float(u[i, 0])) < ratio:
                points[i] = proposal
                taken += 1
    torch.testing.assert_close(found.x, torch.stack(points), rtol=1e-10, atol=1e-10)
    assert found.statistics["acceptance_rate"] == pytest.approx(taken / (steps * count))
    assert 0 < taken < steps * count


def test_its_law_stays_right_where_unadjusted_steps_are_biased() -> None:
    """At η = 1 on N(0, 1) unadjusted steps settle at the variance 4/3."""
    model = scorebench.load("score_model", "gaussian", dtype="float64", mean=[0.0], std=1.0)
    sigma, count = torch.tensor([1e-6], dtype=torch.float64), 8000
    variance = {}
    for name in ("mala", "langevin"):
        sampler = scorebench.build("sampler", name, step_size=1.0, steps=40)
        variance[name] = float(scorebench.sample(model, sampler, sigma, count).x.var())
    error = math.sqrt(2 / count)  # relative standard error of a variance
    assert variance["mala"] == pytest.approx(1, rel=4 * error)
    assert variance["langevin"] == pytest.approx(4 / 3, rel=4 * error)


def test_small_steps_are_nearly_always_taken() -> None:
    rates = [
        scorebench.sample(
            MIXTURE, scorebench.build("sampler", "mala", step_size=eta, steps=20), SIGMA, 50
        ).statistics["acceptance_rate"]
        for eta in (1e-4, 0.1, 2.0)
    ]
    assert 0.99 < rates[0] <= 1
    assert rates[0] > rates[1] > rates[2] > 0


def test_a_model_without_a_density_is_refused() -> None:
    class Scores(ScoreModel):
        event_shape, device, dtype = (2,), torch.device("cpu"), torch.float64

        def score(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            return -x

    mala = scorebench.build("sampler", "mala", step_size=0.1)
    with pytest.raises(UserError, match="mala needs a model that has log_prob"):
        scorebench.sample(Scores(), mala, SIGMA, 3)


def test_the_acceptance_rate_is_a_column(
    small_suite: dict[str, Any], write_suite: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    block = small_suite["sweep"][0]
    block["schedule"] = {"name": "constant", "sigma": 0.0}
    block["sampler"] = [
        {"name": "mala", "step_size": [0.05, 0.5], "steps": 10, "init": "uniform"},
        {"name": "langevin", "step_size": 0.05, "steps": 10},
    ]
    suite = write_suite(small_suite)
    assert len(load_suite(suite).points) == 3
    table = scorebench.run(suite, results=tmp_path / "results")
    rates = table.set_index("sampler")["acceptance_rate"]
    assert rates["mala"].between(0.01, 1).all()
    assert math.isnan(rates["langevin"])
    assert table.nfe.tolist() == [22, 22, 10]
