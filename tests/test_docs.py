"""The documentation is true: its blocks run, its table is what the sweep gives."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

import scorebench
from scorebench.plugin.hookspecs import HOOKS
from tests.conftest import Python

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.DOTALL)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the suites, as in a fresh clone."""
    shutil.copytree(ROOT / "suites", tmp_path / "suites")
    return tmp_path


def scorebench_lines(path: Path) -> list[list[str]]:
    """The command lines of a page, as arguments of Python."""
    lines = [line for block in blocks(path, "console") for line in block.splitlines()]
    found = [shlex.split(line, comments=True) for line in lines if line.startswith("scorebench ")]
    return [["-m", *words] for words in found]


@pytest.mark.slow
def test_the_readme_is_what_happens(clone: Path, python: Python) -> None:
    readme = ROOT / "README.md"
    midpoint, in_python = blocks(readme, "python")
    (clone / "midpoint.py").write_text(midpoint)
    sweep, report, with_plugin, again = scorebench_lines(readme)
    assert "126 of 126 cells" in python(*sweep).stdout
    assert "heun" in python(*report).stdout
    check_table(readme, clone / "results" / "digits_sweep")
    output = python(*with_plugin).stdout
    assert "126 cells, 111 cached, 15 to run" in output
    assert "midpoint" in python(*again).stdout
    assert "torch.Size([1000, 1]) 35.0" in python("-c", in_python).stdout


def check_table(readme: Path, results: Path) -> None:
    """Every row of the README's table agrees with the sweep, to the last digits' noise."""
    table = scorebench.read_results(results)
    rows = re.findall(
        r"^\| \d+ \| (\w+) \| (\w+) \| (\d+) \| (\S+) \| (\S+) \| (.*) \|$",
        readme.read_text(),
        re.M,
    )
    assert len(rows) >= 10
    for model, sampler, levels, step, iterations, measured in rows:
        cells = table[(table["model"] == model) & (table["sampler"] == sampler)]
        cells = cells[cells["schedule.n"] == int(levels)]
        if step != "–":
            cells = cells[cells["sampler.step_size"] == float(step)]
            cells = cells[cells["sampler.steps_per_level"] == int(iterations)]
        assert len(cells) == 3
        said = [float(cell.split(" ± ")[0]) for cell in measured.split(" | ")]
        names = ["fid", "inception_score", "precision", "recall", "nfe"]
        for name, value in zip(names, said, strict=True):
            assert cells[name].mean() == pytest.approx(value, rel=0.02, abs=0.011), (sampler, name)


def test_the_suite_in_the_docs_runs(tmp_path: Path, python: Python) -> None:
    (text,) = blocks(ROOT / "docs" / "suites.md", "yaml")
    (tmp_path / "suite.yaml").write_text(text)
    output = python("-m", "scorebench", "run", "suite.yaml").stdout
    assert "10 of 10 cells in results/gaussian_demo" in output


def test_the_plugin_in_the_docs_runs(tmp_path: Path, python: Python) -> None:
    (plugin,) = blocks(ROOT / "docs" / "plugins.md", "python")
    (text,) = blocks(ROOT / "docs" / "suites.md", "yaml")
    (tmp_path / "overshoot.py").write_text(plugin)
    (tmp_path / "suite.yaml").write_text(text)
    done = python(
        *("-m", "scorebench", "run", "suite.yaml", "--plugins", "overshoot.py"),
        *("--set", "sweep[0].sampler={name: overshoot, factor: [0.5, 1]}"),
        *("--set", "sweep[0].zip=[]", "--set", "sweep[0].exclude=[]"),
    )
    assert "8 of 8 cells" in done.stdout


def test_every_hook_is_documented_with_its_signature() -> None:
    text = (ROOT / "docs" / "plugins.md").read_text()
    for hook in HOOKS:
        assert f"`{hook}()`" in text


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert target.startswith("http") or (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_source_files_that_are_named_exist(path: Path) -> None:
    for name in re.findall(
        r"`((?:scorebench|plugins|tests|suites)/[\w./]+\.\w+)`", path.read_text()
    ):
        assert (ROOT / name).exists(), name


def test_suites_shipped_are_valid() -> None:
    from scorebench.suite.load import load_suite

    for path in sorted((ROOT / "suites").glob("*.yaml")):
        suite = load_suite(path)
        assert suite.name == path.stem
        assert suite.points
