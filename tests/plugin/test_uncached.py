from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from scorebench.plugin.importing import import_file


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[Path]:
    """A plugin that uses a helper beside it and a module in a package."""
    (tmp_path / "uncached_package").mkdir()
    (tmp_path / "uncached_package" / "inner.py").write_text("VALUE = 1\n")
    (tmp_path / "uncached_helper.py").write_text("VALUE = 1\n")
    path = tmp_path / "uncached_plugin.py"
    path.write_text("import uncached_helper as a, uncached_package.inner as b\n")
    before = list(sys.path)
    yield path
    sys.path[:] = before
    forget(tmp_path)


def forget(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


def test_an_edit_within_a_second_that_keeps_the_size_is_seen(plugin: Path) -> None:
    values = []
    for value in (1, 2):
        for name in ("uncached_helper.py", "uncached_package/inner.py"):
            file = plugin.parent / name
            file.write_text(f"VALUE = {value}\n")
            os.utime(file, (1_000_000_000, 1_000_000_000))
        module = import_file(plugin)
        values.append((module.a.VALUE, module.b.VALUE))
        forget(plugin.parent)
    assert values == [(1, 1), (2, 2)]


def test_no_bytecode_is_left_beside_plugins(plugin: Path) -> None:
    import_file(plugin)
    assert not list(plugin.parent.rglob("__pycache__"))


def test_other_folders_keep_their_cache(
    plugin: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import_file(plugin)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "cached_elsewhere.py").write_text("VALUE = 1\n")
    sys.path.append(str(elsewhere))
    try:
        loader = importlib.import_module("cached_elsewhere").__loader__
        assert type(loader) is SourceFileLoader
    finally:
        sys.path.remove(str(elsewhere))
        forget(elsewhere)
