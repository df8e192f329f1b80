"""What a worker needs of a run: suite, cells, and the source of the plugin files they come from.

A parcel goes from one process to another of the same run, and never through a file.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scorebench.atomic import write_atomically
from scorebench.engine.alike import component_modules, difference, installed
from scorebench.errors import UserError
from scorebench.plugin.importing import import_file, module_name
from scorebench.running.cache import default_folder
from scorebench.running.cell import Cell
from scorebench.running.fingerprint import local_modules
from scorebench.running.workbench import Workbench
from scorebench.suite.load import Suite


@dataclass(frozen=True)
class Parcel:
    """A run, as sent to workers.

    Attributes:
        folder: the working directory, which relative paths in a suite start from.
        plugins: plugin files, and others that parameters name, in the order to load them in.
        sources: these and the files beside them that they import, with their content.
        modules: names of the others that the run's components come from.
        installed: what is installed here, these modules among it.
        reuse: whether samples may be had from earlier cells.
        content: suite and cells, pickled.
    """

    folder: str
    plugins: tuple[str, ...]
    sources: dict[str, bytes]
    modules: tuple[str, ...]
    installed: dict[str, str]
    reuse: bool
    content: bytes

    def difference(self) -> str | None:
        """What is installed otherwise where this is called, in words; None if nothing is."""
        return difference(self.installed, installed(self.modules))

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
        hasher = hashlib.blake2b(digest_size=16)
        for path, source in sorted(self.sources.items()):
            hasher.update(f"{path}\0{len(source)}\0".encode() + source)
        try:  # once for all workers here, which are killed in the end, and remove nothing
            return self._copied_to(default_folder() / "plugins" / hasher.hexdigest())
        except OSError:
            return self._copied_to(Path(tempfile.mkdtemp(prefix="scorebench-")))

    def _copied_to(self, root: Path) -> Path:
        for path, source in self.sources.items():
            copy = _within(root, path)
            if not _is(copy, source):
                write_atomically(copy, source)
        return root


def pack(bench: Workbench, cells: Sequence[Cell]) -> Parcel:
    """A run as a parcel.

    Raises:
        UserError: a component can't be sent to another process.
    """
    suite = bench.suite
    names = component_modules(suite, cells)
    files_of = {name: Path(file) for name in names if (file := _file(name)) is not None}
    named = sorted(file for name, file in files_of.items() if module_name(file) == name)
    loaded = [file for file in suite.host.files if module_name(file) in sys.modules]
    plugins = list(dict.fromkeys([*loaded, *named]))
    files = {path for plugin in plugins for path in _sources(plugin)}
    try:
        content = pickle.dumps((suite, list(cells)))
    except Exception as error:  # whatever a plugin's own classes raise
        told = " ".join(str(error).split())
        raise UserError(
            f"{suite.path}: its components can't be sent to workers ({told}); use --engine inline"
        ) from error
    sources = {str(file): file.read_bytes() for file in files}
    modules = sorted(name for name in names if str(files_of.get(name)) not in sources)
    return Parcel(
        folder=os.getcwd(),
        plugins=tuple(map(str, plugins)),
        sources=sources,
        modules=tuple(modules),
        installed=installed(modules),
        reuse=bench.reuse,
        content=content,
    )


def _file(module: str) -> str | None:
    return getattr(sys.modules.get(module), "__file__", None)


def _sources(plugin: Path) -> set[Path]:
    """A plugin file, and the files beside it that it imports; a package's are all its modules."""
    found = set(plugin.parent.rglob("*.py")) if plugin.name == "__init__.py" else set()
    imported = local_modules(module_name(plugin)).values()
    return {plugin, *found, *(p for p in imported if p.is_relative_to(plugin.parent))}


def _is(path: str | Path, source: bytes) -> bool:
    try:
        return Path(path).read_bytes() == source
    except OSError:
        return False


def _within(root: Path, path: str) -> Path:
    return root / Path(path).relative_to(Path(path).anchor)
