"""What every shipped sampler holds in memory, against what its algorithm can't do without."""

from __future__ import annotations

import pytest

import scorebench
import scorebench_plugins
from scorebench.plugin.host import default_host
from scorebench.testing.live_states import states_alive

# The states a step starts from and evaluates at, the evaluations it combines (those remembered
# and the fresh one), and the draws of noise, each as large as a state.
NEEDED = {
    "langevin": (1, 1, 1),
    "mala": (2, 2, 1),
    "underdamped_langevin": (2, 1, 1),
    "annealed_langevin": (1, 1, 1),
    "consistent_annealed_langevin": (1, 1, 1),
    "reverse_diffusion": (1, 1, 1),
    "predictor_corrector": (1, 1, 1),
    "euler": (1, 1, 0),
    "heun": (2, 2, 0),
    "ddim": (1, 1, 0),
    "euler_ancestral": (1, 1, 1),
    "dpm_solver_2": (2, 1, 0),
    "dpm_solver_3": (2, 2, 0),
    "dpmpp_2s": (2, 1, 0),
    "dpmpp_2m": (1, 2, 0),
    "dpmpp_3m": (1, 3, 0),
    "dpmpp_sde": (2, 1, 2),
    "dpmpp_2m_sde": (1, 2, 1),
    "dpmpp_3m_sde": (1, 3, 1),
    "deis": (1, 3, 0),
    "ipndm": (1, 4, 0),
    "unipc": (2, 4, 0),
    "sa_solver": (2, 4, 1),
}


def test_bounds_are_known_of_every_shipped_sampler() -> None:
    assert NEEDED.keys() == {c.name for c in scorebench_plugins.scorebench_samplers()}


@pytest.mark.parametrize("name", NEEDED)
def test_at_most_three_states_more_than_the_algorithm_needs(name: str) -> None:
    example = default_host().find("sampler", name).examples[0]
    alive = states_alive(scorebench.build("sampler", name, **example), 12)
    assert sum(NEEDED[name]) <= alive <= sum(NEEDED[name]) + 3
