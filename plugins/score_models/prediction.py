"""What a network's output says of the score, in whatever terms it was trained to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Prediction = Literal["score", "denoiser", "epsilon", "v", "x0"]
Coordinates = Literal["ve", "vp"]
Conditioning = Literal["sigma", "log_sigma", "time"]

# With x = x₀ + σε, a = 1/√(1 + σ²) and b = σa, so that a² + b² = 1, variance-preserving
# coordinates are x̃ = a·x = a·x₀ + b·ε, and v = a·ε − b·x₀ (Salimans & Ho 2022, "Progressive
# distillation", appendix D), which gives x₀ = a·x̃ − b·v = a·(a·x − σ·v).


def shrinkage(sigma: Tensor) -> Tensor:
    """a = 1/√(1 + σ²): variance-preserving coordinates are a·x."""
    return (1 + sigma**2).rsqrt()


def to_score(
    prediction: Prediction, coordinates: Coordinates, x: Tensor, output: Tensor, sigma: Tensor
) -> Tensor:
    """∇ₓ log p_σ(x) in variance-exploding coordinates.

    Args:
        prediction: what the output is; a score is that of its ``coordinates``.
        coordinates: of the network's input.
        x: ``[B, *event]``, in variance-exploding coordinates.
        output: the network's, ``[B, *event]``.
        sigma: σ, ``[]`` or of a shape that multiplies x.
    """
    match prediction:
        case "score":
            return output if coordinates == "ve" else shrinkage(sigma) * output
        case "epsilon":
            return -output / sigma
        case "v":
            a = shrinkage(sigma)
            return -a * (a * x + output / sigma)
        case "denoiser" | "x0":
            return (output - x) / sigma**2


def to_denoised(
    prediction: Prediction, coordinates: Coordinates, x: Tensor, output: Tensor, sigma: Tensor
) -> Tensor:
    """E[x₀ | x]; arguments as of ``to_score``."""
    match prediction:
        case "score":
            return x + sigma**2 * to_score(prediction, coordinates, x, output, sigma)
        case "epsilon":
            return x - sigma * output
        case "v":
            a = shrinkage(sigma)
            return a * (a * x - sigma * output)
        case "denoiser" | "x0":
            return output


def vp_time(sigma: Tensor, beta_min: float, beta_max: float) -> Tensor:
    """The time at which a variance-preserving diffusion has the noise level σ.

    Inverts σ(t)² = exp(½(β_max − β_min)t² + β_min·t) − 1 (Song et al. 2021, "Score-based generative
    modeling through stochastic differential equations", eq. 33, divided by its signal's variance);
    in the form of the root that subtracts no near equals.
    """
    log_variance = (sigma**2).log1p()
    spread = (beta_min**2 + 2 * (beta_max - beta_min) * log_variance).sqrt()
    return 2 * log_variance / (beta_min + spread)


def condition(
    conditioning: Conditioning, sigma: Tensor, beta_min: float, beta_max: float
) -> Tensor:
    """What the network is told of σ."""
    match conditioning:
        case "sigma":
            return sigma
        case "log_sigma":
            return sigma.log()
        case "time":
            return vp_time(sigma, beta_min, beta_max)
