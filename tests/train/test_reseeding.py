from __future__ import annotations

import pytest
import torch

from scorebench.train.reseeding import reseed


@pytest.mark.parametrize("seed", [0, 5, 2**63 - 1])
def test_draws_are_those_after_torchs_own_seeding(seed: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        expected = torch.randn(5)
        reseed(torch.device("cpu"), seed)
        assert torch.equal(torch.randn(5), expected)
