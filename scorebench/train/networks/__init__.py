"""Networks that a training config can name; each is a dataclass that builds its module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import nn

from scorebench.train.networks.mlp import MLP
from scorebench.train.networks.unet import UNet


class Network(Protocol):
    """A network's parameters; the module takes x ``[B, *event]`` and c_noise ``[B]``."""

    def build(self, event_shape: tuple[int, ...]) -> nn.Module:
        """The module, initialised at random by torch's global random numbers.

        Raises:
            ValueError: it can't take samples of this shape.
        """


NETWORKS: Mapping[str, type[Network]] = {"mlp": MLP, "unet": UNet}
