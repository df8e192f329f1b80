"""The command line as a user meets it, in a process of its own."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from scorebench.cli import main
from scorebench.plugin.host import default_host
from tests.conftest import Python


@pytest.fixture
def scorebench(python: Python) -> Python:
    return partial(python, "-m", "scorebench")


@dataclass
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def in_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """The same within this process, for what needs no process of its own."""

    def call(*arguments: object, **variables: str) -> Ended:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["scorebench", *map(str, arguments)])
            for name, value in variables.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        return Ended(code, *capsys.readouterr())

    return call


def test_help_names_the_commands(scorebench: Python) -> None:
    done = scorebench("--help")
    assert all(command in done.stdout for command in ("run", "report", "list", "show"))


def test_words_of_a_file_do_nothing_to_the_terminal(
    in_process: Callable[..., Ended], tmp_path: Path
) -> None:
    (tmp_path / "s.yaml").write_text('{name: a, seed: "\\e[2J", plugins: ["\\e[2J.py"]}')
    done = in_process("run", "s.yaml")
    assert done.returncode == 2
    assert r"plugin \x1b[2J.py is not a Python file" in done.stderr
    assert "\x1b" not in done.stderr


def test_version(scorebench: Python) -> None:
    assert scorebench("--version").stdout.startswith("scorebench 0.")


def test_list_names_every_shipped_component_with_its_summary(scorebench: Python) -> None:
    done = scorebench("list")
    assert done.stderr == ""
    names = [
        "annealed_langevin",
        "factor_mixture",
        "karras",
        "digits",
        "identity",
        "precision_recall",
    ]
    assert all(name in done.stdout for name in names)
    assert f"sampler ({len(default_host().components('sampler'))})" in done.stdout


@pytest.mark.parametrize("kind", ["sampler", "samplers", "noise-schedules", "Metric"])
def test_list_takes_a_kind(scorebench: Python, kind: str) -> None:
    done = scorebench("list", kind)
    assert len([line for line in done.stdout.splitlines() if not line.startswith(" ")]) == 1


def test_show_tells_parameters_with_types_bounds_defaults_and_meaning(
    scorebench: Python,
) -> None:
    shown = scorebench("show", "sampler", "annealed_langevin").stdout
    assert "step_size: float > 0  (default 2e-05)" in shown
    assert "convention: half or full  (default 'half')" in shown
    assert "Song & Ermon 2019" in shown
    assert "pure gradient ascent" in shown
    assert "sigma: float ≥ 0  (required)" in scorebench("show", "noise_schedule", "constant").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "sampelr"], "unknown kind 'sampelr'; did you mean sampler?"),
        (["show", "sampler", "hein"], "unknown sampler 'hein'; did you mean heun?"),
        (["run", "nothing.yaml"], "nothing.yaml: no such file"),
        (["run", "."], "can't be read"),
        (["run", "suite.yaml", "--set", "samples"], "--set samples: expected path=value"),
        (["run", "suite.yaml", "--set", "sampels=3"], "sampels: unknown key; did you mean samples"),
        (["run", "suite.yaml", "--retry", "fialed"], "did you mean failed?"),
        (["run", "suite.yaml", "--engine", "inlin"], "did you mean inline?"),
        (["run", "suite.yaml", "--device", "cuda:77"], "device 'cuda:77' is not available here"),
        (["run", "suite.yaml", "--plugins", "no.py"], "plugin no.py is not a Python file"),
        (["run", "suite.yaml", "suite.yaml", "--results", "r"], "--results holds one suite"),
        (["run", "suite.yaml", "--results", "suite.yaml"], "suite.yaml is a file"),
        (["run", "suite.yaml", "--results", "/proc/x"], "can't be written"),
        (["run", "suite.yaml", "suite.yaml"], "two of the suites are called 'small'"),
        (["run", "suite.yaml", "--only", "abc"], "--only abc: expected at least 6 hexadecimal"),
        (["run", "suite.yaml", "--only", "0" * 32], "suite.yaml has no such cell"),
        (["run", "suite.yaml", "o.yaml", "--only", "abcdef"], "--only runs cells of one suite"),
        (["run", "binary.yaml"], "not a text file (UTF-8)"),
        (["report", "."], "not a results directory"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    in_process: Callable[..., Ended],
    tmp_path: Path,
    small_suite: dict[str, Any],
    arguments: list[str],
    told: str,
) -> None:
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    (tmp_path / "binary.yaml").write_bytes(b"\x80\x81\x00")
    before = sorted(tmp_path.rglob("*"))
    done = in_process(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_run_shows_the_plan_the_rows_and_where_they_are(
    scorebench: Python, tmp_path: Path, small_suite: dict[str, Any]
) -> None:
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    planned = scorebench("run", "suite.yaml", "--dry-run")
    assert "small: 4 cells, 0 cached, 4 to run; 880 model evaluations" in planned.stdout
    assert not (tmp_path / "results").exists()
    done = scorebench("run", "suite.yaml")
    assert done.stderr == ""
    rows = [line for line in done.stdout.splitlines() if line.lstrip().startswith("[")]
    assert len(rows) == 4
    (heun,) = [row for row in rows if "heun n=3" in row]
    assert re.search(r"heun n=3 repeat=0  ok  fid=\S+ NFE=5 \d\.\d\d s$", heun)
    assert "4 of 4 cells in results/small" in done.stdout
    assert len(pd.read_csv(tmp_path / "results/small/table.csv")) == 4
    again = scorebench("run", "suite.yaml")
    assert "4 cached, 0 to run" in again.stdout
    assert "nothing to do" in again.stdout
    assert "heun" in scorebench("report", "results/small").stdout


def test_one_row_is_run_again_by_the_arguments_kept_with_its_plan(
    in_process: Callable[..., Ended], tmp_path: Path, small_suite: dict[str, Any]
) -> None:
    (tmp_path / "mine.py").write_text(DIVERGING)
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(small_suite))
    settings = ["samples=30", "sweep[0].sampler=[heun, {name: mine, factor: 0.5}]"]
    given = ["suite.yaml", *(word for s in settings for word in ("--set", s))]
    given += ["--plugins", "mine.py", "--device", "cpu"]
    assert in_process("run", *given).returncode == 0
    results = tmp_path / "results" / "small"
    plan = json.loads((results / "plan.json").read_text())
    assert plan["arguments"] == given
    assert (results / plan["started_in"]).samefile(tmp_path)

    table = pd.read_parquet(results / "table.parquet").set_index("fingerprint")
    wanted = table.index[table["sampler"] == "mine"][0]
    again = [*plan["arguments"], "--only", wanted[:8]]
    kept = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    refused = in_process("run", *again)
    assert refused.returncode == 2
    assert "--only would drop the 3 other cells of results/small" in refused.stderr
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == kept

    done = in_process("run", *again, "--results", "other")
    assert done.returncode == 0
    assert "small: 1 cells, 0 cached, 1 to run" in done.stdout
    alone = pd.read_parquet(tmp_path / "other" / "table.parquet").set_index("fingerprint")
    assert alone.index.tolist() == [wanted]
    same = ["sampler", "sampler.factor", "seed", "samples", "n_sigmas", "nfe", "fid", "status"]
    assert alone.loc[wanted, same].tolist() == table.loc[wanted, same].tolist()


BROKEN = """
import sys
import scorebench
{statement}
"""


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("sys.exit(0)", "calls sys.exit(0) when imported"),
        ("def f(:", "syntax error"),
        ("raise OSError('no licence')", "OSError: no licence"),
        ("", "registers nothing"),
        ("@scorebench.hookimpl\ndef scorebench_sampler(): yield", "did you mean"),
        ("def scorebench_samplers(): yield", "lacks @scorebench.hookimpl"),
    ],
)
def test_a_broken_plugin_is_named_and_a_suite_that_does_not_use_it_runs(
    in_process: Callable[..., Ended],
    tmp_path: Path,
    small_suite: dict[str, Any],
    statement: str,
    told: str,
) -> None:
    (tmp_path / "broken_one.py").write_text(BROKEN.format(statement=statement))
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump({**small_suite, "samples": 4}))
    done = in_process("run", "suite.yaml", "--plugins", "broken_one.py")
    assert done.returncode == 0
    assert "broken_one.py" in done.stderr
    assert told in done.stderr
    small_suite["sweep"][0]["sampler"] = "mine"
    (tmp_path / "using.yaml").write_text(yaml.safe_dump({**small_suite, "name": "using"}))
    done = in_process("run", "using.yaml", SCOREBENCH_PLUGINS="broken_one.py")
    assert done.returncode == 2
    assert "unknown sampler 'mine'" in done.stderr
    assert told in done.stderr


DIVERGING = """
from dataclasses import dataclass
import scorebench

@dataclass(frozen=True, kw_only=True)
class Mine(scorebench.Sampler):
    factor: float
    def trajectory(self, model, sigmas, noise):
        yield self.start(model, sigmas[0], noise) * self.factor

@scorebench.hookimpl
def scorebench_samplers():
    yield scorebench.Component("mine", Mine)
"""


def test_a_cell_that_does_not_end_well_gives_exit_code_1(
    scorebench: Python, tmp_path: Path, small_suite: dict[str, Any]
) -> None:
    (tmp_path / "mine.py").write_text(DIVERGING)
    small_suite["sweep"][0]["sampler"] = [{"name": "mine", "factor": ["inf", 1]}]
    small_suite["sweep"][0]["schedule"]["n"] = 3
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump({**small_suite, "plugins": ["mine.py"]}))
    for _ in range(2):
        scorebench("run", "suite.yaml", code=1)
    table = pd.read_parquet(tmp_path / "results/small/table.parquet")
    assert table["status"].tolist() == ["diverged", "ok"]
    assert "diverged" in scorebench("report", "results/small").stdout
