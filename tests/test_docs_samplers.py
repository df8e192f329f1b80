"""The findings in docs/samplers.md are what the suites give, and what theory says they should."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr
from typer.testing import CliRunner

import scorebench
from scorebench.cli import app
from scorebench.metrics import GaussianStatistics, frechet_distance, gaussian_statistics
from scorebench.plugin.host import default_host
from scorebench.plugin.parameters import parameters_of
from scorebench.running.evidence import as_data
from scorebench.running.noise import StreamNoise

Fids: TypeAlias = NDArray[np.float64]

ROOT = Path(__file__).parent.parent


def documented(suite: str, table: int = 0) -> list[list[str]]:
    """The rows of a table in a suite's section, the first unless told otherwise."""
    text = (ROOT / "docs" / "samplers.md").read_text()
    (section,) = re.findall(rf"^### .*`suites/{suite}\.yaml`\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    lines = re.findall(r"(?:^\|.*\n)+", section, re.M)[table].splitlines()
    return [line.strip("| ").split(" | ") for line in lines[2:]]


def measured(suite: str, folder: Path) -> pd.DataFrame:
    return scorebench.run(ROOT / "suites" / f"{suite}.yaml", results=folder / suite)


def share_by_the_ode(sigma_max: float) -> float:
    """The share at (5, 5) when N(0, σ²) is taken for the mixture blurred by σ.

    Along the line through the modes the probability-flow ODE is one-dimensional: it keeps the
    order of samples, and so sends those above the blurred data's 0.2 quantile to (5, 5).
    """
    mean, std = 5 * math.sqrt(2), math.hypot(1, sigma_max)

    def below(x: float) -> float:
        return float(0.8 * ndtr((x - mean) / std) + 0.2 * ndtr((x + mean) / std))

    quantile = brentq(lambda x: below(x) - 0.2, -9 * std, 9 * std, xtol=1e-12)
    return float(1 - ndtr(quantile / sigma_max))


def listed(section: str) -> dict[str, list[str]]:
    """The rows of a section's table by the component they are about."""
    text = (ROOT / "docs" / "samplers.md").read_text()
    (found,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    rows = [line.strip("| ").split(" | ") for line in found.splitlines() if line[:3] == "| `"]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_every_shipped_sampler_is_listed_with_its_evaluations_and_its_order() -> None:
    from scorebench.testing.convergence import order_on_graded_levels

    host, rows = default_host(), listed("The samplers")
    assert set(rows) == set(host.components("sampler"))
    for name, (_, nfe, order, _) in rows.items():
        given = dict(getattr(host.find("sampler", name), "examples", [{}])[0])
        sampler = host.build("sampler", name, {**given, "denoise": nfe_includes_denoising(name)})
        n = 1 if "steps" in given else 7
        formula = nfe.replace("−", "-").replace("·", "*").replace("2N", "2*N")
        formula = formula.replace("3N", "3*N").replace("2T", "2*T")
        T = given.get("steps", given.get("steps_per_level"))
        assert eval(formula, {"N": n, "T": T, "M": 1}) == sampler.nfe(n), name
        if order == "–":
            assert sampler.convergence_order is None, name
        else:
            measured, declared = order.rstrip(")").split(" (")
            assert int(declared) == sampler.convergence_order
            assert float(measured) == pytest.approx(order_on_graded_levels(sampler)[0], abs=0.02)


def nfe_includes_denoising(name: str) -> bool:
    return bool(parameters_of(default_host().find("sampler", name))["denoise"].default)


def test_every_shipped_schedule_is_listed_with_its_parameters() -> None:
    host, rows = default_host(), listed("Noise schedules")
    assert set(rows) == set(host.components("noise_schedule"))
    for name, (_, parameters) in rows.items():
        named = set(re.findall(r"`(\w+)`", parameters))
        assert named == set(parameters_of(host.find("noise_schedule", name))), name


def test_every_shipped_score_model_is_listed() -> None:
    assert set(listed("Score models")) == set(default_host().components("score_model"))


def test_the_levels_recommended_for_digits_are_those_shown() -> None:
    done = CliRunner().invoke(app, ["levels", "digits"])
    assert done.exit_code == 0
    shown = re.findall(
        r"```yaml\n(schedule: .*?)```", (ROOT / "docs" / "samplers.md").read_text(), re.S
    )
    assert shown[0].strip() in done.output


@pytest.mark.slow
def test_toy_modes(tmp_path: Path) -> None:
    table = measured("toy_modes", tmp_path)
    assert set(table["status"]) == {"ok"}
    rows = documented("toy_modes")
    assert len(rows) == 14
    for sampler, levels, sigma_max, iterations, nfe, share, by_ode in rows:
        cells = table[(table["sampler"] == sampler) & (table["n_sigmas"] == int(levels))]
        if sampler == "langevin":
            cells = cells[cells["schedule.sigma"] == float(sigma_max)]
            cells = cells[cells["sampler.steps"] == int(iterations)]
        else:
            cells = cells[cells["schedule.sigma_max"] == float(sigma_max)]
        if sampler == "annealed_langevin":
            cells = cells[cells["sampler.steps_per_level"] == int(iterations)]
        assert len(cells) == 2
        assert set(cells["nfe"]) == {int(nfe)}
        # The random numbers are the same everywhere. Beyond the last digit shown, allow for 20 of
        # 20,000 samples that another machine's rounding sends to the other mode.
        assert cells["mode_weight"].mean() == pytest.approx(float(share), abs=0.0015), sampler
        if by_ode != "–":
            exact = share_by_the_ode(float(sigma_max))
            assert float(by_ode) == pytest.approx(exact, abs=0.0005)
            if sampler == "heun":  # whose own error is below three standard errors of a share
                error = 3 * math.sqrt(0.2 * 0.8 / 20_000)
                assert cells["mode_weight"].mean() == pytest.approx(exact, abs=error)
    plain = table[(table["sampler"] == "langevin") & (table["schedule.sigma"] == 0)]
    by_steps = plain.pivot_table(index="repeat", columns="sampler.steps", values="mode_weight")
    assert (by_steps[100] == by_steps[1000]).all()  # not one sample changes over


@pytest.mark.slow
def test_langevin_bias(tmp_path: Path) -> None:
    table = measured("langevin_bias", tmp_path).set_index(
        ["sampler.convention", "sampler.step_size", "sampler.noise_scale"]
    )
    rows = documented("langevin_bias")
    assert 3 * len(rows) == len(table) == 36
    for convention, step, *columns in rows:
        eta = float(step) if convention == "half" else 2 * float(step)
        for scale, said, found in zip((1, 0.5, 0), columns[::2], columns[1::2], strict=True):
            cell = table.loc[(convention, float(step), scale)]
            gain = 1 - eta / 2
            if abs(gain) > 1:
                assert (said, found, cell["status"]) == ("unstable", "diverged", "diverged")
                continue
            exact = scale**2 * eta / (1 - gain**2)
            assert float(said) == pytest.approx(exact, abs=0.0005)
            # Four standard errors of the variance of 80,000 independent numbers. Where there is
            # no noise, 1e-13 or less of the start is left.
            assert cell["variance"] == pytest.approx(
                exact, rel=4 * math.sqrt(2 / 80_000), abs=1e-12
            )
            # The chain is a contraction, so rounding doesn't grow: the digits shown must agree.
            assert cell["variance"] == pytest.approx(float(found), abs=0.00051)
    for half, full in ((1, 0.5), (3, 1.5)):
        same = [table.loc[(c, s, 1), "variance"] for c, s in (("half", half), ("full", full))]
        assert same[0] == same[1]


def verdict(better: Fids, worse: Fids) -> str:
    """Whether FIDs of the same repeats differ by more than two standard errors, and that way."""
    difference = worse - better
    error = difference.std(ddof=1) / math.sqrt(len(difference))
    if abs(difference.mean()) <= 2 * error:
        return "tie"
    return "holds" if difference.mean() > 0 else "reversed"


def shootout(folder: Path) -> dict[tuple[str, str, int], Fids]:
    """FIDs by repeat of (sampler, levels, NFE), all as the table calls them."""
    table = measured("sampler_shootout", folder)
    assert set(table["status"]) == {"ok"}
    order = table["sampler.order"].map(lambda p: "" if pd.isna(p) else f", order {p:g}")
    nfe = table["nfe"].astype(int).replace({21: 20, 51: 50, 99: 100})
    groups = table.sort_values("repeat").groupby([table["sampler"] + order, "schedule", nfe])
    return {key: fids.to_numpy() for key, fids in groups["fid"]}


@pytest.mark.slow
def test_sampler_shootout(tmp_path: Path) -> None:
    fids = shootout(tmp_path)
    fids_are_those_shown(fids)
    orderings_are_those_told(fids)


def fids_are_those_shown(shootout: dict[tuple[str, str, int], Fids]) -> None:
    shown = {
        (sampler, levels, nfe): value
        for sampler, levels, *values in documented("sampler_shootout")
        for nfe, value in zip((*range(3, 11), 20, 50, 100), values, strict=True)
        if value != "–"
    }
    assert set(shown) == set(shootout)
    for key, value in shown.items():
        assert len(shootout[key]) == 3
        # Half of the last digit, and 0.005: computing in float64 moves no cell by more than 0.003.
        allowed = 0.5 * 10.0 ** -len(value.partition(".")[2]) + 0.005
        assert shootout[key].mean() == pytest.approx(float(value), abs=allowed), key
    for nfe in range(5, 11):
        winner = ("ipndm", "karras", nfe)
        others = {key for key in shootout if key[2] == nfe} - {winner}
        assert {verdict(shootout[winner], shootout[key]) for key in others} == {"holds"}


def orderings_are_those_told(shootout: dict[tuple[str, str, int], Fids]) -> None:
    published = documented("sampler_shootout", table=1)
    shown = {(row[0], row[1]): row[2:] for row in documented("sampler_shootout")}
    ties = {
        6: {("DEIS-tAB3", "UniPC-3"), ("DEIS-tAB3", "DPM++(3M)")},
        10: {("DPM++(3M)", "DEIS-tAB3"), ("Euler", "Heun")},
    }
    reversals = {6: {("Euler", "DPM-Solver-2")}, 10: set()}
    for nfe, column in ((6, 3), (10, 5)):
        found: dict[str, set[tuple[str, str]]] = {"holds": set(), "tie": set(), "reversed": set()}
        ranked = sorted(published, key=lambda row: float(row[column]))
        for first, second in itertools.combinations(ranked, 2):
            better, worse = (shootout[row[1], row[2], nfe] for row in (first, second))
            found[verdict(better, worse)].add((first[0], second[0]))
        assert (found["tie"], found["reversed"]) == (ties[nfe], reversals[nfe])
        for row in published:
            assert row[column + 1] == shown[row[1], row[2]][nfe - 3]
    for sampler in ("dpmpp_3m", "unipc, order 3"):
        for other in ("ipndm", "deis, order 4", "dpm_solver_2", "euler", "heun"):
            better, worse = (shootout[s, "karras", 10] for s in (other, sampler))
            assert verdict(better, worse) == "holds"


@pytest.mark.slow
def test_what_exact_samples_get_in_the_shootout() -> None:
    model = scorebench.load(
        "score_model", "factor_mixture", components=20, rank=8, dataset="digits"
    )
    features = scorebench.load("feature_extractor", "digits_cnn")

    def statistics(seed: int, purpose: str = "sampler") -> GaussianStatistics:
        x = model.draw(1000, StreamNoise(seed, range(1000), (1, 8, 8), purpose=purpose))
        return gaussian_statistics(features(as_data(model, x)).vectors)

    reference = statistics(0, "reference")
    fids = np.array([frechet_distance(reference, statistics(seed)) for seed in range(30)])
    text = (ROOT / "docs" / "samplers.md").read_text()
    (shown,) = re.findall(r"get (\d\.\d+) against .*, with a standard deviation of (\d\.\d+)", text)
    said = [float(number) for number in shown]
    assert [fids.mean(), fids.std(ddof=1)] == pytest.approx(said, abs=0.006)
