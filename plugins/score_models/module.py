"""Any torch function or network as a score model, whatever it was trained to predict."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Gt
from pydantic import FiniteFloat

from scorebench import ImportSpec, ScoreModel, UserError, per_sample

from .event_shape import EventShape
from .prediction import (
    Conditioning,
    Coordinates,
    Prediction,
    condition,
    shrinkage,
    to_denoised,
    to_score,
)
from .value_range import ValueRange

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from scorebench import Context


def unit_gaussian(x: Tensor, sigma: Tensor) -> Tensor:
    """The denoiser x/(1 + σ²) of N(0, I): an example of what ``module`` can run."""
    return x / (1 + per_sample(sigma, x) ** 2)


@dataclass(frozen=True, kw_only=True)
class Module:
    """A function or network of yours, called as network(x, noise) with x [B, ...], noise [B].

    It may see variance-exploding coordinates, x = x₀ + σε, or variance-preserving ones, x/√(1 + σ²)
    = a·x₀ + b·ε. Networks are put into evaluation mode and into the run's precision.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"target": f"{__name__}:unit_gaussian", "event_shape": [2], "prediction": "denoiser"},
    )

    target: ImportSpec
    """package.module:name or folder/file.py:name of a function, an nn.Module, or a class or factory
    that makes one."""
    arguments: dict[str, Any] | None = None
    """Named arguments that the target is called with to get the network; where not given, a class
    is called without any and anything else is the network itself. Files they name aren't watched
    for changes: give weights as such."""
    weights: Path | None = None
    """A safetensors file of an nn.Module's state, each entry of which must be there; where not
    given, its weights are taken as they are, those a class or factory draws from torch's seed 0."""
    event_shape: EventShape
    """The shape of one sample, e.g. [3, 32, 32]."""
    value_range: ValueRange | None = None
    """Bounds of the data, e.g. [-1, 1]; unbounded where there are none."""
    prediction: Prediction
    """What the network returns: score is ∇ log p in its own coordinates; denoiser and x0 are
    E[x₀ | x]; epsilon is E[ε | x]; v is E[a·ε − b·x₀ | x]."""
    coordinates: Coordinates = "ve"
    """What the network sees: ve is x itself, vp is x/√(1 + σ²)."""
    conditioning: Conditioning = "sigma"
    """What the network is told: σ, its natural logarithm, or the time t at which a VP diffusion
    with the betas below has that σ, in [0, 1] up to the σ of t = 1."""
    beta_min: Annotated[FiniteFloat, Gt(0)] = 0.1
    """β at t = 0, for conditioning by time."""
    beta_max: Annotated[FiniteFloat, Gt(0)] = 20.0
    """β at t = 1, for conditioning by time; not below beta_min."""

    def __post_init__(self) -> None:
        if self.beta_max < self.beta_min:
            raise ValueError(f"beta_max {self.beta_max:g} is below beta_min {self.beta_min:g}")

    def load(self, context: Context) -> ModuleModel:
        """The model.

        Raises:
            UserError: the target isn't there, can't be called so, or is nothing to call; the
                weights can't be read or are another network's.
        """
        from torch import nn

        network = self._network()
        if isinstance(network, nn.Module):
            if self.weights is not None:
                self._read_weights(network, self.weights)
            network = network.to(context.device, context.dtype).eval().requires_grad_(False)
        elif self.weights is not None:
            raise UserError(f"module: weights are for an nn.Module, which {self.target} is not")
        return ModuleModel(self, network, context.device, context.dtype)

    def _network(self) -> Any:
        """The target itself, copied if it is a network, or what it makes."""
        import torch

        found = self.target.load()
        if self.arguments is None and not isinstance(found, type):
            network = copy.deepcopy(found) if isinstance(found, torch.nn.Module) else found
        elif isinstance(found, torch.nn.Module):
            raise UserError(f"module: {self.target} is a network already and takes no arguments")
        else:
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(0)
                try:
                    network = found(**self.arguments or {})
                except TypeError as error:
                    raise UserError(f"module: {self.target} can't be called: {error}") from error
        if not callable(network):
            raise UserError(f"module: {self.target} gives {type(network).__name__}, no function")
        return network

    def _read_weights(self, network: nn.Module, path: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            network.load_state_dict(load_file(path))
        except FileNotFoundError:
            raise UserError(f"module: there are no weights {path}") from None
        except (SafetensorError, OSError, RuntimeError) as error:
            reason = textwrap.shorten(str(error), 300)
            raise UserError(f"module: {path} can't be {self.target}'s weights: {reason}") from error


class ModuleModel(ScoreModel):
    """A network's output, told as score or denoiser.

    Args:
        described: the component, which says what goes in and out.
        network: from (x or x/√(1 + σ²), noise ``[B]``) to what it predicts, ``[B, *event]``.
        device, dtype: where the network is and in what precision.
    """

    def __init__(
        self,
        described: Module,
        network: Callable[[Tensor, Tensor], Tensor],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.described, self.network = described, network
        self.event_shape, self.value_range = described.event_shape, described.value_range
        self.device, self.dtype = device, dtype

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """∇ₓ log p_σ(x) for x ``[B, *event]``, with one evaluation of the network.

        Raises:
            UserError: the network's output isn't of x's shape.
        """
        return self._told(to_score, x, sigma)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """D(x, σ) for x ``[B, *event]``, with one evaluation of the network.

        Raises:
            UserError: the network's output isn't of x's shape.
        """
        return self._told(to_denoised, x, sigma)

    def _told(self, tell: Callable[..., Tensor], x: Tensor, sigma: Tensor) -> Tensor:
        how = self.described
        sigma = sigma.to(x.device)  # but not to x's precision: in float16, σ² soon overflows
        noise = condition(how.conditioning, sigma, how.beta_min, how.beta_max)
        level = per_sample(sigma, x)
        seen = x if how.coordinates == "ve" else (shrinkage(level) * x).to(x.dtype)
        output = self.network(seen, noise.to(x.dtype).expand(len(x)))
        shape = getattr(output, "shape", None)
        if shape != x.shape:
            given = type(output).__name__ if shape is None else f"shape {list(shape)}"
            raise UserError(f"module: {how.target} gave {given} for x {list(x.shape)}")
        return tell(how.prediction, how.coordinates, x, output, level).to(x.dtype)
