"""What a worker needs of a run: suite, cells, and the source of the plugin files they come from.

A parcel goes from one process to another of the same run, and never through a file.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scorebench.errors import UserError
from scorebench.plugin.importing import import_file, module_name
from scorebench.running.cell import Cell
from scorebench.running.fingerprint import local_modules
from scorebench.suite.load import Suite


@dataclass(frozen=True)
class Parcel:
    """A run, as sent to workers.

    Attributes:
        folder: the working directory, which relative paths in a suite start from.
        plugins: plugin files in the order they were loaded in.
        sources: these and the files beside them that they import, with their content.
        content: suite and cells, pickled.
    """

    folder: str
    plugins: tuple[str, ...]
    sources: dict[str, bytes]
    content: bytes

    def unpack(self) -> tuple[Suite, list[Cell]]:
        """Suite and cells; plugin files are imported first.

        They are taken from where they are, or, on a machine that lacks them, from copies.
        """
        with suppress(OSError):
            os.chdir(self.folder)
        root = None if all(_is(path, s) for path, s in self.sources.items()) else self._copied()
        for plugin in self.plugins:
            file = Path(plugin) if root is None else _within(root, plugin)
            sys.modules[module_name(Path(plugin))] = import_file(file)
        suite, cells = pickle.loads(self.content)
        return suite, cells

    def _copied(self) -> Path:
        root = Path(tempfile.mkdtemp(prefix="scorebench-"))
        for path, source in self.sources.items():
            copy = _within(root, path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source)
        return root


def pack(suite: Suite, cells: Sequence[Cell]) -> Parcel:
    """A run as a parcel.

    Raises:
        UserError: a component can't be sent to another process.
    """
    plugins = [file for file in suite.host.files if module_name(file) in sys.modules]
    files = {path for plugin in plugins for path in _sources(plugin)}
    try:
        content = pickle.dumps((suite, list(cells)))
    except Exception as error:  # whatever a plugin's own classes raise
        told = " ".join(str(error).split())
        raise UserError(
            f"{suite.path}: its components can't be sent to workers ({told}); use --engine inline"
        ) from error
    return Parcel(
        folder=os.getcwd(),
        plugins=tuple(map(str, plugins)),
        sources={str(file): file.read_bytes() for file in files},
        content=content,
    )


def _sources(plugin: Path) -> set[Path]:
    """A plugin file, and the files beside it that it imports; a package's are all its modules."""
    found = set(plugin.parent.rglob("*.py")) if plugin.name == "__init__.py" else set()
    imported = local_modules(module_name(plugin)).values()
    return {plugin, *found, *(p for p in imported if p.is_relative_to(plugin.parent))}


def _is(path: str, source: bytes) -> bool:
    try:
        return Path(path).read_bytes() == source
    except OSError:
        return False


def _within(root: Path, path: str) -> Path:
    return root / Path(path).relative_to(Path(path).anchor)
