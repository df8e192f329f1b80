"""The rules that hold for the source as a whole."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import scorebench
from scorebench.plugin.component import KINDS
from scorebench.plugin.host import default_host
from tests.conftest import Python

ROOT = Path(__file__).parent.parent
HARNESS = sorted((ROOT / "scorebench").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins").rglob("*.py"))

# What a part may import of the others; every part may import scorebench.errors, .atomic and .lock.
MAY_IMPORT = {
    "cli": {
        "report",
        "engine",
        "running",
        "suite",
        "plugin",
        "store",
        "metrics",
        "levels",
        "testing",
        "train",
        "doctor",
    },
    "doctor": {"running", "plugin"},
    "api": {"engine", "running", "suite", "plugin", "store"},
    "report": {"store", "stats"},
    "testing": {"running", "plugin", "metrics"},
    "engine": {"running", "suite", "plugin", "store", "metrics"},
    "train": {"running", "suite", "plugin"},
    "running": {"suite", "plugin", "metrics"},
    "suite": {"plugin"},
    "plugin": set(),
    "store": set(),
    "stats": set(),
    "metrics": set(),
    "levels": set(),
    "errors": set(),
    "atomic": set(),
    "lock": set(),
}


PUBLIC = ("scorebench", "scorebench.levels", "scorebench.metrics", "scorebench.train")


def runtime_imports(path: Path) -> Iterator[str]:
    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
                yield child
                yield from walk(child)

    for node in walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def part(path: Path) -> str:
    return path.relative_to(ROOT / "scorebench").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", HARNESS, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    here = part(path)
    if here in ("__init__", "__main__"):
        return
    for name in runtime_imports(path):
        top, _, rest = name.partition(".")
        assert top != "scorebench_plugins", "the harness knows no concrete component"
        if top == "scorebench" and rest:
            there = rest.partition(".")[0]
            allowed = MAY_IMPORT[here] | {here, "errors", "atomic", "lock"}
            assert there in allowed, f"{here} must not import {name}"


@pytest.mark.parametrize("path", PLUGINS, ids=lambda p: str(p.relative_to(ROOT)))
def test_shipped_components_use_public_names_only(path: Path) -> None:
    for name in runtime_imports(path):
        if name.partition(".")[0] == "scorebench":
            assert name in PUBLIC


@pytest.mark.parametrize("path", [*HARNESS, *PLUGINS], ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500


LOADED = """
import sys
from scorebench.cli import app
try:
    app({arguments!r})
except SystemExit as end:
    assert not end.code, end.code
print(sorted({{"torch", "pandas", "scipy"}} & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list"], ["list", "sampler"], ["show", "sampler", "heun"]]
)
def test_help_list_and_show_load_neither_torch_nor_pandas(
    arguments: list[str], python: Python
) -> None:
    done = python("-c", LOADED.format(arguments=arguments))
    assert done.stderr.splitlines()[-1] == "[]"


def test_importing_scorebench_loads_nothing_heavy(python: Python) -> None:
    code = "import sys, scorebench; print([m for m in ('torch', 'pandas', 'numpy', 'pydantic', "
    code += "'rich') if m in sys.modules])"
    assert python("-c", code).stdout.strip() == "[]"


def test_every_public_name_exists_and_is_declared_to_type_checkers() -> None:
    tree = ast.parse((ROOT / "scorebench" / "__init__.py").read_text())
    declared = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scorebench.")
        for alias in node.names
    }
    assert declared == set(scorebench.__all__)
    for name in scorebench.__all__:
        assert getattr(scorebench, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        scorebench.nothing  # noqa: B018


def test_every_shipped_component_resolves_and_documents_itself_and_its_parameters() -> None:
    from scorebench.plugin.parameters import parameters_of

    host = default_host()
    assert host.broken == []
    for kind in KINDS:
        for name, installed in host.components(kind).items():
            cls = host.find(kind, name)
            assert cls.__doc__
            assert not cls.__doc__.startswith(f"{cls.__name__}("), f"{name} has no docstring"
            assert installed.component.summary, name
            for parameter in parameters_of(cls).values():
                assert parameter.doc, f"{kind} {name}: {parameter.name} has no docstring"
