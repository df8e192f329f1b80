"""Which shipped samplers can be read off which walks.

That what they say is true of them is tested in ``test_conformance.py``.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import scorebench
import scorebench_plugins
from scorebench.plugin.host import default_host
from scorebench.running.noise import StreamNoise
from scorebench.testing.exact_models import MIXTURE

NAMES = [component.name for component in scorebench_plugins.scorebench_samplers()]
SIGMA = torch.tensor([0.3], dtype=torch.float64)
CHAINS = ("langevin", "underdamped_langevin")


def build(name: str, **parameters: Any) -> Any:
    example = default_host().find("sampler", name).examples[0]
    return scorebench.build("sampler", name, **{**example, **parameters})


@pytest.mark.parametrize("name", NAMES)
def test_denoising_takes_no_walk_of_its_own_where_it_comes_after_the_walk(name: str) -> None:
    plain, denoised = (build(name, denoise=d).reading() for d in (False, True))
    if name == "consistent_annealed_langevin":  # whose last step is another
        assert plain is denoised is None
        return
    assert plain.walk == denoised.walk == build(name, denoise=False)
    assert plain.family == denoised.family
    assert plain.end is None
    assert denoised.end is not None


@pytest.mark.parametrize("name", NAMES)
def test_only_chains_are_read_in_the_middle_of_longer_ones(name: str) -> None:
    sampler = build(name)
    for field in fields(sampler):
        if field.name not in ("steps", "steps_per_level"):
            continue
        said, longer = sampler.reading(), replace(sampler, **{field.name: 30}).reading()
        if name in CHAINS:
            assert said.family == longer.family
            assert longer.states == 30
        elif said is not None:
            assert said.family != longer.family
            assert said.states is longer.states is None


@pytest.mark.parametrize("name", CHAINS)
@settings(max_examples=15, deadline=None)
@given(st.integers(1, 30), st.integers(0, 30), st.booleans())
def test_a_chain_is_the_beginning_of_a_longer_one(
    name: str, steps: int, more: int, denoise: bool
) -> None:
    """Against the whole list of a longer chain's states."""
    sampler = build(name, steps=steps, denoise=denoise)

    def states(steps: int, denoise: bool) -> list[torch.Tensor]:
        noise = StreamNoise(0, range(3), MIXTURE.event_shape, dtype=torch.float64)
        walker = replace(sampler, steps=steps, denoise=denoise)
        return list(walker.trajectory(MIXTURE, SIGMA, noise))

    state = states(steps + more, False)[sampler.reading().states - 1]
    expected = MIXTURE.denoise(state, SIGMA[-1]) if denoise else state
    assert torch.equal(states(steps, denoise)[-1], expected)


def test_other_parameters_part_families() -> None:
    family = build("langevin", step_size=0.1).reading().family
    others = ({"step_size": 0.2}, {"convention": "full"}, {"noise_scale": 0.5}, {"init": "uniform"})
    for other in others:
        assert build("langevin", **{"step_size": 0.1, **other}).reading().family != family


def test_the_step_to_zero_is_churned_as_any_other() -> None:
    """Its noise is the walk's next, so it is drawn after the walk."""
    sampler = build("euler", s_churn=2.0)
    sigmas = torch.tensor([2.0, 1.0, 0.3], dtype=torch.float64)
    said = sampler.reading()
    noise, again = (
        StreamNoise(0, range(3), MIXTURE.event_shape, dtype=torch.float64) for _ in range(2)
    )
    *_, last = said.walk.trajectory(MIXTURE, sigmas, noise)
    *_, expected = sampler.trajectory(MIXTURE, sigmas, again)
    assert torch.equal(said.end(last, MIXTURE, sigmas, noise), expected)
    assert not torch.equal(MIXTURE.denoise(last, sigmas[-1]), expected)
