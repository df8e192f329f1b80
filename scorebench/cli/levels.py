"""``scorebench levels DATASET``: the noise levels and the step size that suit a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scorebench.errors import UserError

if TYPE_CHECKING:
    from scorebench.plugin.contracts import Data

# In few dimensions neighbours overlap at any ratio; the 10 levels of Song & Ermon 2019 have 1.67.
LARGEST_RATIO = 2.0


def levels(
    dataset: Annotated[str, typer.Argument(help="A dataset's name, e.g. digits.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter of the dataset, e.g. split=train."),
    ] = None,
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A plugin file or folder.")
    ] = None,
    sigma_min: Annotated[
        float | None, typer.Option(help="The smallest noise level; from the data unless given.")
    ] = None,
    overlap: Annotated[
        float, typer.Option(help="How much neighbouring levels share, above 0, at most 0.99.")
    ] = 0.5,
    steps_per_level: Annotated[
        int, typer.Option(min=1, help="Langevin iterations at every level.")
    ] = 5,
    value_range: Annotated[
        tuple[float, float],
        typer.Option(help="What the 0 to 255 of images become, two numbers, e.g. 0 1."),
    ] = (-1.0, 1.0),
) -> None:
    """Recommend noise levels and a step size for annealed Langevin dynamics on a dataset."""
    low, high = value_range
    if not low < high:
        raise UserError(f"--value-range {low:g} {high:g}: the lower bound must be below the upper")
    if sigma_min is not None and not sigma_min > 0:
        raise UserError(f"--sigma-min {sigma_min:g}: must be above 0")
    import math

    import torch

    from scorebench.levels import (
        count_levels,
        largest_distance,
        ratio_for_overlap,
        step_size_for,
        variance_left,
    )

    data = _load(dataset, settings or [], plugins or [])
    dimension = math.prod(data.event_shape)
    images = data.x.dtype == torch.uint8
    scale = (high - low) / 255 if images else 1.0
    scaled = f", 0 to 255 scaled to [{low:g}, {high:g}]" if images else ""
    wanted = ratio_for_overlap(dimension, overlap)
    typer.echo(f"{dataset}: {len(data):,} samples of {dimension:,} dimensions{scaled}\n")

    largest = _short(scale * largest_distance(data.x))
    typer.echo(
        "The largest level reaches every mode.\n"
        f"  The two samples farthest apart are {largest} apart, and noise of that size leads from\n"
        f"  any to any other (Song & Ermon 2020, Technique 1): sigma_max {largest}.\n"
    )
    smallest = _smallest(data, scale, dimension) if sigma_min is None else _short(sigma_min)
    if smallest >= largest:
        raise UserError(f"sigma_min ({smallest}) must be below the largest distance ({largest})")

    ratio = min(wanted, LARGEST_RATIO)
    n = count_levels(largest, smallest, ratio)
    ratio = (largest / smallest) ** (1 / (n - 1))
    typer.echo(f"Neighbouring levels overlap.\n  {_why(wanted, overlap, dimension)}:")
    typer.echo(f"  {n} levels, a ratio of {ratio:.4g} between neighbours.\n")

    step_size = _short(step_size_for(ratio, smallest, steps_per_level))
    left = variance_left(ratio, step_size / smallest**2, steps_per_level)
    typer.echo(
        f"The step size makes the most of {steps_per_level} iterations per level.\n"
        f"  On arrival the noise has {ratio**2:.4g} times the variance of its new level; with\n"
        f"  step_size {step_size} at the last level {left:.4g} times are left (Technique 4).\n"
        "  More iterations leave less.\n\n"
        f"schedule: {{name: geometric, n: {n}, sigma_max: {largest}, sigma_min: {smallest}}}\n"
        f"sampler: {{name: annealed_langevin, step_size: {step_size}, "
        f"steps_per_level: {steps_per_level}, convention: full}}"
    )


def _load(name: str, settings: list[str], plugins: list[Path]) -> Data:
    from scorebench.plugin.component import ComponentSpec
    from scorebench.plugin.host import host_for
    from scorebench.running.context import Context
    from scorebench.suite.overrides import apply
    from scorebench.suite.yaml import Document

    document = Document({}, "--set")
    apply(document, settings)
    return Context(host=host_for(plugins)).dataset(ComponentSpec(name, document.data))


def _smallest(data: Data, scale: float, dimension: int) -> float:
    """The smallest level that a dataset asks for, explained to the user."""
    import numpy as np

    from scorebench.levels import BLUR, nearest_distances, sigma_min_for

    nearest = scale * float(np.median(nearest_distances(data.x)))
    smallest = _short(sigma_min_for(nearest, dimension))
    typer.echo(
        "The smallest level doesn't blur the data.\n"
        f"  Half of the samples have another within {nearest:.4g}. A level σ moves a sample by\n"
        f"  about σ·√{dimension}, which is {BLUR:.0%} of that (a rule of thumb) at sigma_min "
        f"{smallest}.\n"
    )
    return smallest


def _why(wanted: float, overlap: float, dimension: int) -> str:
    """Why neighbouring levels have the ratio they have."""
    if wanted > LARGEST_RATIO:
        return (
            f"In {dimension} dimensions that allows large ratios; more than {LARGEST_RATIO:g} is "
            "not advisable (a rule of thumb)"
        )
    return (
        f"In {dimension:,} dimensions they share {overlap:g} at a ratio of {wanted:.4g} "
        "(Technique 2)"
    )


def _short(value: float) -> float:
    """Four significant digits: as printed, so that all that follows is of what is shown."""
    return float(f"{value:.4g}")
