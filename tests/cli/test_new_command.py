from __future__ import annotations

import ast
import fnmatch
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scorebench.cli import app, main
from scorebench.plugin.component import KINDS
from tests.conftest import Python

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = ROOT / "scorebench" / "cli" / "templates"

New = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def scaffold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a component of every kind, as ``scorebench new`` writes it."""
    folder = tmp_path_factory.mktemp("scaffold") / "made" / "for me"
    for kind in KINDS:
        done = CliRunner().invoke(app, ["new", kind, f"my_{kind}", "--into", str(folder)])
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> New:
    """``scorebench new …`` in an empty folder: exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scorebench", "new", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), *capsys.readouterr()

    return call


@pytest.mark.parametrize("kind", KINDS)
def test_the_plugin_is_checked_and_the_suite_runs(
    kind: str, scaffold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plugin, suite = str(scaffold / f"my_{kind}.py"), str(scaffold / f"my_{kind}.yaml")
    checked = CliRunner().invoke(app, ["check", kind, f"my_{kind}", "--plugins", plugin])
    assert checked.exit_code == 0, checked.output
    assert "✓" in checked.output
    ran = CliRunner().invoke(app, ["run", suite])
    assert ran.exit_code == 0, ran.output
    assert re.search(rf"(\d+) of \1 cells in results/my_{kind}", ran.output)


def test_the_tests_pass_without_a_conftest(scaffold: Path, python: Python) -> None:
    options = ["-q", "-rA", "-W", "error", "-p", "no:cacheprovider"]
    done = python("-m", "pytest", *options, cwd=scaffold)
    passed = re.findall(r"^PASSED test_my_(\w+)\.py::test_my_\1\[my_\1-", done.stdout, re.M)
    assert set(passed) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_documents_itself_and_takes_no_name_but_its_own(kind: str, scaffold: Path) -> None:
    for file in (f"my_{kind}.py", f"test_my_{kind}.py", f"my_{kind}.yaml"):
        assert "$" not in (scaffold / file).read_text()
    module = ast.parse((scaffold / f"my_{kind}.py").read_text())
    classes = [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    names = {node.name for node in classes}
    own = f"My{kind.title().replace('_', '')}"
    assert own in names
    assert names <= {own, f"{own}Model"}
    assert ast.get_docstring(module)
    assert all(ast.get_docstring(node) for node in classes if node.decorator_list)


def test_what_to_try_is_told_and_can_be_pasted(new: New, tmp_path: Path) -> None:
    code, output, errors = new("samplers", "my2nd_Sampler")
    assert (code, errors) == (0, "")
    assert output.splitlines() == [
        "wrote my2nd_Sampler.py",
        "wrote test_my2nd_Sampler.py",
        "wrote my2nd_Sampler.yaml",
        "try:",
        "  pytest test_my2nd_Sampler.py",
        "  scorebench check sampler my2nd_Sampler --plugins my2nd_Sampler.py",
        "  scorebench run my2nd_Sampler.yaml",
    ]
    assert "class My2ndSampler(" in (tmp_path / "my2nd_Sampler.py").read_text()
    told = new("metric", "pasteable", "--into", "a folder")[1]
    assert "  scorebench run 'a folder/pasteable.yaml'" in told


@pytest.mark.parametrize("taken", ["mine.py", "test_mine.py", "mine.yaml"])
def test_nothing_is_overwritten_or_half_written(new: New, tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("precious")
    code, output, errors = new("sampler", "mine")
    assert (code, output) == (2, "")
    assert errors == f"error: {taken} exists already; choose another name or folder\n"
    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "precious"


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("samplr", "mine", "unknown kind 'samplr'; did you mean sampler?"),
        ("sampler", "my-sampler", "'my-sampler' can't name a module: use letters, digits and _"),
        ("sampler", "2nd", "'2nd' can't name a module"),
        ("sampler", "a" * 65, "can't name a module: use letters, digits and _, 64 at most"),
        ("sampler", "_mine", "'_mine' can't name a module"),
        ("sampler", "../mine", "'../mine' can't name a module"),
        ("sampler", "mein_größtes", "can't name a module"),
        ("sampler", "lambda", "'lambda' is a word of Python's or of YAML's own"),
        ("sampler", "none", "'none' is a word of Python's or of YAML's own"),  # class None
        ("sampler", "on", "'on' is a word of Python's or of YAML's own"),  # name: true
        ("sampler", "heun", "has a sampler 'heun'; choose another name"),
        ("noise_schedule", "karras", "has a noise schedule 'karras'; choose another name"),
        ("sampler", "torch", "there is a module 'torch', and what imports it could get torch.py"),
        ("sampler", "random", "there is a module 'random'"),
        ("sampler", "scorebench", "there is a module 'scorebench'"),
    ],
)
def test_a_name_that_would_not_work_is_refused_in_one_line(
    new: New, tmp_path: Path, kind: str, name: str, told: str
) -> None:
    code, output, errors = new(kind, name)
    assert (code, output) == (2, "")
    assert errors.startswith("error: ")
    assert told in errors
    assert len(errors.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_component_of_another_kind_may_have_the_name(new: New) -> None:
    assert new("metric", "heun")[0] == 0


def test_a_folder_that_is_a_file_is_told(new: New, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    code, _, errors = new("sampler", "unwritten", "--into", "taken")
    assert (code, errors) == (2, "error: taken can't be written: File exists\n")


def test_every_template_is_shipped() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = settings["package-data"]["scorebench"]
    assert {path.name for path in TEMPLATES.iterdir()} == {
        "test.py.txt",
        *(f"{kind}.{suffix}.txt" for kind in KINDS for suffix in ("py", "yaml")),
    }
    for path in TEMPLATES.iterdir():
        name = path.relative_to(ROOT / "scorebench").as_posix()
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
