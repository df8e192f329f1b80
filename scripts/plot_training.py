"""Draw the pictures of docs/training.md, into docs/images.

Run from the repository, after what they show:

    scorebench train configs/mixture_ncsn.yaml
    scorebench run suites/sigma_tradeoff.yaml suites/noise_levels.yaml suites/energy.yaml
    python scripts/plot_training.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import torch
from PIL import Image

import scorebench
from scorebench import ScoreModel

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe & Ito 2008: no eye confuses them
WINDOW = 50  # training steps that are averaged
SPAN = 2.6  # of the plane that is shown, to each side
LOG = alt.Scale(type="log")


def main() -> None:
    """Draw all of them."""
    losses = pd.read_parquet(ROOT / "checkpoints" / "mixture_ncsn" / "training.parquet")
    tradeoff, levels = (
        scorebench.read_results(ROOT / "results" / suite)
        for suite in ("sigma_tradeoff", "noise_levels")
    )
    energies = {"known energy": known_energy(), "learned energy": learned_energy()}
    alt.data_transformers.disable_max_rows()
    draw("training_loss.svg", training_loss(losses))
    draw("sigma_tradeoff.svg", sigma_tradeoff(tradeoff))
    draw("noise_levels.svg", noise_levels(levels))
    draw("energy_samples.png", energy_samples(energies))
    draw("energy_density.png", energy_density(energies))


def draw(name: str, chart: Any) -> None:
    """Save a chart on white, in letters that can be read when it is half a page wide."""
    styled = (
        chart.configure(background="white", font="sans-serif", padding=8)
        .configure_axis(labelFontSize=12, titleFontSize=13, titleFontWeight="normal", tickCount=5)
        .configure_legend(labelFontSize=12, titleFontSize=13, titleFontWeight="normal")
        .configure_title(fontSize=13, fontWeight="normal")
        .configure_header(labelFontSize=13)
    )
    IMAGES.mkdir(exist_ok=True)
    path = IMAGES / name
    styled.save(path, scale_factor=1.25)
    if path.suffix == ".png":  # a fraction of the size
        Image.open(path).quantize(256).save(path, optimize=True)
    print(path)


def training_loss(losses: pd.DataFrame) -> Any:
    """The loss at each noise level over the steps, averaged over windows of them."""
    window = (losses["step"] + WINDOW - 1) // WINDOW * WINDOW
    means = losses.groupby([window, "sigma"])["loss"].mean().reset_index()
    few = np.geomspace(means["sigma"].min(), means["sigma"].max(), 4).tolist()
    return (
        alt.Chart(means, width=380, height=240)
        .mark_line()
        .encode(
            alt.X("step:Q", title="training steps"),
            alt.Y("loss:Q", title="loss, σ²·DSM per dimension", scale=LOG),
            alt.Color(
                "sigma:Q",
                title="σ",
                scale=alt.Scale(type="log", scheme="viridis"),
                legend=alt.Legend(values=few, format=".2g"),
            ),
        )
    )


def sigma_tradeoff(table: pd.DataFrame) -> Any:
    """One noise level: how well its score is learned, and what Langevin dynamics makes of it."""
    table = with_score(table)
    single = table[table["schedule"] == "constant"].rename(columns={"schedule.sigma": "sigma"})
    annealed = table[(table["schedule"] == "geometric") & (table["score"] == "learned")]
    panels = []
    for column, title, scale in (
        ("score_error_relative", "error of the score", LOG),
        ("mode_weight_error", "error of mode weights", alt.Undefined),
        ("precision", "precision", alt.Scale(domain=[0, 1])),
    ):
        x = alt.X("sigma:Q", title="noise level σ (data units)", scale=LOG)
        y = alt.Y(f"{column}:Q", title=title, scale=scale)
        shown = single[single["score"] == "learned"] if scale is LOG else single
        lines = alt.Chart(shown, width=165, height=170).mark_line(point=True)
        many = alt.Chart(annealed).mark_rule(strokeDash=[6, 4], size=2)
        panels.append(lines.encode(x, y, by("score", ("learned", "exact"))) + many.encode(y))
    title = "Langevin at one level (points); learned, annealed down ten levels (dashed)"
    return alt.hconcat(*panels, title=title)


def noise_levels(table: pd.DataFrame) -> Any:
    """FID over the first noise level, over how many there are, and over the last."""
    table = with_score(table.rename(columns=lambda name: name.replace(".", "_")))
    denoise = table["sampler_denoise"].astype("boolean")
    table["end"] = denoise.map({True: "denoised", False: "not denoised"})
    ends = table[denoise.notna()]
    lowest = ends.sort_values("schedule_sigma_max")["schedule_sigma_min"].iloc[0]
    first = ends[(ends["schedule_sigma_min"] == lowest) & (ends["end"] == "denoised")]
    last = ends[ends["schedule_sigma_max"] == ends["schedule_sigma_max"].max()]

    def panel(rows: pd.DataFrame, column: str, title: str) -> Any:
        lines = alt.Chart(rows, width=165, height=190).mark_line(point=True)
        x = alt.X(f"{column}:Q", title=title, scale=LOG)
        return lines.encode(x, alt.Y("fid:Q", title="FID", scale=LOG))

    def advised(level: float) -> Any:
        rule = alt.Chart(pd.DataFrame({"level": [level]}))
        return rule.mark_rule(strokeDash=[6, 4], size=2).encode(x="level:Q")

    end, score = by("end", ("denoised", "not denoised")), by("score", ("learned", "exact"))
    # The largest distance in the data, and levels that overlap: scorebench levels digits.
    farthest, overlapping = 9.627, 19
    return alt.hconcat(
        panel(first, "schedule_sigma_max", "largest σ (pixel units)").encode(end)
        + advised(farthest),
        panel(table[denoise.isna()], "schedule_n", "number of levels").encode(score)
        + advised(overlapping),
        panel(last, "schedule_sigma_min", "smallest σ (pixel units)").encode(end),
    ).resolve_scale(color="independent")


def energy_samples(energies: dict[str, ScoreModel]) -> Any:
    """What is left of samples when Langevin dynamics has less noise than it should."""
    plain = {"step_size": 0.02, "steps": 1000, "init": "uniform"}
    annealed = {"step_size": 2e-3, "steps_per_level": 50}
    known, learned = energies.values()
    tables = []
    for what, model, sigmas, name, parameters in (
        ("known energy, at σ = 0", known, [0.0], "langevin", plain),
        (
            "learned energy, annealed",
            learned,
            np.geomspace(3, 0.1, 8),
            "annealed_langevin",
            annealed,
        ),
    ):
        for scale, noise in ((1.0, "all of the noise"), (0.5, "half of it"), (0.0, "none")):
            sampler = scorebench.build("sampler", name, noise_scale=scale, **parameters)
            x = scorebench.sample(model, sampler, torch.tensor(sigmas).double(), 500).x
            tables.append(pd.DataFrame(x, columns=["x", "y"]).assign(what=what, noise=noise))
    dots = alt.Chart(pd.concat(tables)).mark_circle(size=14, opacity=0.4, color=BLUE, clip=True)
    return in_the_plane(dots).facet(
        column=alt.Column("noise:N", title=None, sort=None),
        row=alt.Row("what:N", title=None, sort=None),
    )


def energy_density(energies: dict[str, ScoreModel]) -> Any:
    """exp(−E)/Z at σ = 0.1, where Z is a sum over a grid."""
    axis = torch.linspace(-SPAN, SPAN, 105)
    grid, area = torch.cartesian_prod(axis, axis), float(axis[1] - axis[0]) ** 2
    tables = []
    for what, model in energies.items():
        log_prob: Any = getattr(model, "log_prob")  # noqa: B009
        density = log_prob(grid, torch.tensor(0.1)).softmax(0) / area
        table = pd.DataFrame(grid, columns=["x", "y"]).assign(what=what, density=density)
        tables.append(table)
    colour = alt.Color("density:Q", title="density", scale=alt.Scale(scheme="viridis"))
    tiles = alt.Chart(pd.concat(tables)).mark_square(size=6, opacity=1, clip=True).encode(colour)
    return in_the_plane(tiles).facet(column=alt.Column("what:N", title=None, sort=None))


def in_the_plane(marks: alt.Chart) -> alt.Chart:
    """Marks at (x, y), both axes alike."""
    scale = alt.Scale(domain=[-SPAN, SPAN], nice=False)
    x, y = alt.X("x:Q", title="x", scale=scale), alt.Y("y:Q", title="y", scale=scale)
    return marks.encode(x, y).properties(width=170, height=170)


def with_score(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column that says whether a score is learned or exact."""
    return table.assign(score=np.where(table["model"] == "ncsn", "learned", "exact"))


def by(column: str, names: Sequence[str]) -> alt.Color:
    """A colour for each of two names."""
    scale = alt.Scale(domain=list(names), range=[BLUE, ORANGE])
    return alt.Color(f"{column}:N", title=None, scale=scale, legend=alt.Legend(orient="top"))


def known_energy() -> ScoreModel:
    """The energy that suites/energy.yaml starts with."""
    function = f"{ROOT / 'suites' / 'mixture_energy.py'}:energy"
    model: ScoreModel = scorebench.load(
        "score_model", "energy", energy=function, value_range=[-3, 3]
    )
    return model


def learned_energy() -> ScoreModel:
    """The one that it has trained, or trains now."""
    config = ROOT / "configs" / "mixture_energy.yaml"
    settings = ["parametrisation=energy"]
    model: ScoreModel = scorebench.load("score_model", "ncsn", train=config, set=settings)
    return model


if __name__ == "__main__":
    main()
