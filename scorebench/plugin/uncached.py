"""Importing from plugin folders without Python's bytecode cache.

The cache tells an old file from a new one by its size and by whole seconds: after a quick edit,
old code could run while the fingerprint, which reads the file, says new.
"""

from __future__ import annotations

import hashlib
import sys
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType

_folders: list[Path] = []


class UncachedLoader(SourceFileLoader):
    """Compiles a source file every time, and leaves no bytecode behind.

    Attributes:
        digest: of the source that was compiled.
    """

    digest: str | None = None

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        source = self.get_data(path)
        self.digest = hashlib.blake2b(source).hexdigest()
        code: CodeType = self.source_to_code(source, path)
        return code


def add_folder(folder: Path) -> None:
    """Make the modules in a folder importable, after all others and always from their source."""
    if str(folder) in sys.path:
        return
    _folders.append(folder)
    if _finder not in sys.path_hooks:
        sys.path_hooks.insert(0, _finder)
    sys.path_importer_cache.pop(str(folder), None)
    sys.path.append(str(folder))


def _finder(path: str) -> FileFinder:
    if not any(Path(path).is_relative_to(folder) for folder in _folders):
        raise ImportError
    return FileFinder(
        path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (UncachedLoader, SOURCE_SUFFIXES)
    )
