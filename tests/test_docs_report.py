"""docs/report.md is true: its commands run, its comparison comes out as it says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from scorebench.report.comparison import Comparison, compare
from scorebench.report.results import read
from tests.conftest import Python

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "report.md").read_text()


def blocks(language: str, text: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(about: str) -> list[list[str]]:
    """The command lines about these results, as arguments of Python."""
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [["-m", *shlex.split(line)] for line in lines if about in line]


def rows(header: str) -> list[list[str]]:
    """The rows of the table that begins with this header."""
    (table,) = re.findall(rf"^\| {header} \|.*\n\|.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [line.strip("| ").split(" | ") for line in table.splitlines()]


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path, python: Python) -> None:
    shutil.copytree(ROOT / "suites", tmp_path / "suites")
    small = ["--set", "samples=100", "--set", "repeats=1"]
    python("-m", "scorebench", "run", "suites/digits_sweep.yaml", *small)
    plain, by_recall, heun, best, exports, figures = (
        python(*words).stdout for words in commands("results/digits_sweep")
    )
    assert plain.endswith("page: results/digits_sweep/report.html\n")
    assert (tmp_path / "results/digits_sweep/report.html").stat().st_size > 1e6
    assert "ranked by recall" in by_recall
    assert "… 37 more" in by_recall
    assert "euler" not in heun.partition("──\n")[2]
    assert "best configuration per model and sampler of 42 configurations" in best
    assert best.count("factor_mixture  ") == 3
    assert exports.count("table: ") == 2
    assert r"\toprule" in (tmp_path / "table.tex").read_text()
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 4
    assert figures.count("figure: ") == 2
    assert (tmp_path / "pareto.pdf").read_bytes().startswith(b"%PDF")
    assert "<svg" in (tmp_path / "heatmap.svg").read_text()


@pytest.mark.slow
def test_the_comparison_comes_out_so(tmp_path: Path, python: Python) -> None:
    midpoint = blocks("python", (ROOT / "README.md").read_text())[0]
    (changed,) = blocks("python")
    old = "            middle = (sigma + following) / 2\n"
    assert midpoint.count(old) == 1
    before, after, report = commands("midpoint.yaml") + commands("results/arithmetic results/")
    (tmp_path / "midpoint.yaml").write_text(blocks("yaml")[0])
    (tmp_path / "midpoint.py").write_text(midpoint)
    python(*before)
    (tmp_path / "midpoint.py").write_text(midpoint.replace(old, changed))
    python(*after)
    assert "page: " in python(*report).stdout
    comparison = compare(read([tmp_path / "results" / n for n in ("arithmetic", "geometric")]))
    check_fids(comparison)
    check_verdicts(comparison)


def check_fids(comparison: Comparison) -> None:
    """The table of FIDs, to the noise of other machines' arithmetic."""
    levels = comparison.configurations["schedule.n"]
    found = rows("levels")
    assert sorted(row[0] for row in found) == sorted(levels)
    for n, old, new, difference, interval, verdict in found:
        label = levels[levels == n].index[0]
        mean, error = (float(part) for part in difference.replace("−", "-").split(" ± "))
        low, high = (float(end) for end in interval.replace("−", "-").strip("[]").split(", "))
        key = ("geometric", "fid")
        assert comparison.means["arithmetic", "fid"][label] == pytest.approx(float(old), abs=0.01)
        assert comparison.means[key][label] == pytest.approx(float(new), abs=0.01)
        assert comparison.differences[key][label] == pytest.approx(mean, abs=error / 5)
        assert comparison.low[key][label] == pytest.approx(low, abs=error / 2)
        assert comparison.high[key][label] == pytest.approx(high, abs=error / 2)
        assert comparison.verdicts[key][label] == verdict


def check_verdicts(comparison: Comparison) -> None:
    levels = comparison.configurations["schedule.n"]
    found = {row[0]: row[1:] for row in rows("metric")}
    assert ["fid", *found] == [m for m in comparison.metrics if m in comparison.better]
    for metric, told in found.items():
        verdicts = comparison.verdicts["geometric", metric]
        for verdict, cell in zip(
            ("improved", "regressed", "no difference shown"), told, strict=True
        ):
            assert set(re.findall(r"\d+", cell)) == set(levels[verdicts == verdict]), metric


def test_the_bare_table_is_read(tmp_path: Path, python: Python) -> None:
    (tmp_path / "table.csv").write_text(blocks("csv")[0])
    told = python("-m", "scorebench", "report", "table.csv").stdout
    assert "2 configurations ranked by fid" in told
    assert told.index("heun") < told.index("euler")
    assert (tmp_path / "table.html").exists()
