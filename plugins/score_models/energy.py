"""An unnormalised density exp(−E(x)): the score is the energy's slope, found by autograd."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from scorebench import ImportSpec, ScoreModel, UserError

from .event_shape import EventShape
from .value_range import ValueRange

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class Energy:
    """The density exp(−E(x))/Z with an unknown Z, as in statistical physics or Bayesian inference.

    A function of one argument, E(x), describes the data itself, which Langevin chains sample at
    σ = 0 (schedule: constant); so do the shipped energies. A function of two, E(x, sigma), is the
    energy of the data blurred by N(0, σ²I) at every noise level.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"energy": "double_well"},
        {"energy": "ring"},
        {"energy": "two_moons"},
    )

    energy: Literal["double_well", "ring", "two_moons"] | ImportSpec
    """A shipped energy, or a function of yours, e.g. my_energies.py:banana, from x [B, ...] and,
    if it takes it, sigma [B] to [B], in nats. Each sample's energy must depend on that sample
    alone. An argument with a default counts as none."""
    event_shape: EventShape = (2,)
    """The shape of one sample; [2] for the shipped energies."""
    value_range: ValueRange | None = None
    """Bounds of the data, e.g. [-1, 1]; unbounded where there are none."""

    def __post_init__(self) -> None:
        if isinstance(self.energy, str) and self.event_shape != (2,):
            raise ValueError(f"energy {self.energy} is one of vectors: leave event_shape at [2]")

    def load(self, context: Context) -> EnergyModel:
        """The model.

        Raises:
            UserError: there is no such function, or it takes neither x nor (x, sigma).
        """
        from . import energies

        chosen = self.energy
        function = getattr(energies, chosen) if isinstance(chosen, str) else chosen.load()
        arguments = _required_arguments(function)
        if arguments not in (1, 2):
            raise UserError(f"energy: {self.energy} must be a function E(x) or E(x, sigma)")
        return EnergyModel(
            str(self.energy),
            function,
            arguments == 2,
            self.event_shape,
            self.value_range,
            context.device,
            context.dtype,
        )


def _required_arguments(function: Any) -> int | None:
    """How many positional arguments a function must be given; None where it can't be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters)


class EnergyModel(ScoreModel):
    """exp(−E), evaluated with one forward and one backward pass.

    Args:
        name: of the energy, for messages.
        function: E.
        noisy: whether E takes σ too; if not, only σ = 0 is known.
        event_shape, value_range, device, dtype: as of any score model.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Tensor],
        noisy: bool,
        event_shape: tuple[int, ...],
        value_range: tuple[float, float] | None,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.name, self.function, self.noisy = name, function, noisy
        self.event_shape, self.value_range = event_shape, value_range
        self.device, self.dtype = device, dtype

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """−∇E(x, σ) for x ``[B, *event]``.

        Raises:
            UserError: E isn't known at σ, isn't ``[B]``, or can't be differentiated.
        """
        import torch

        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            energy = self._energy(leaf, sigma)
            if not energy.requires_grad:
                raise UserError(f"energy: {self.name} can't be differentiated by torch")
            (slope,) = torch.autograd.grad(energy.sum(), leaf)
        return -slope

    def log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        """−E(x, σ) ``[B]``, the log-density in nats but for a constant (one for each σ).

        Raises:
            UserError: E isn't known at σ, or isn't ``[B]``.
        """
        return -self._energy(x, sigma).to(x.dtype)

    def _energy(self, x: Tensor, sigma: Tensor) -> Tensor:
        if self.noisy:
            energy = self.function(x, sigma.to(x).expand(len(x)))
        elif sigma.any():
            raise UserError(
                f"energy: {self.name} is known at σ = 0 alone; use schedule: {{name: constant, "
                "sigma: 0}, or a function E(x, sigma)"
            )
        else:
            energy = self.function(x)
        shape = getattr(energy, "shape", None)
        if shape != (len(x),):
            given = type(energy).__name__ if shape is None else f"shape {list(shape)}"
            raise UserError(
                f"energy: {self.name} gave {given} for {len(x)} samples, expected [{len(x)}]"
            )
        return energy
