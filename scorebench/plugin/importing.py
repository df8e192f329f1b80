"""Importing a plugin file, and telling in one line why it couldn't be."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from scorebench.errors import PluginError
from scorebench.plugin.uncached import UncachedLoader, add_folder


def import_file(path: Path) -> ModuleType:
    """Import a plugin file, or the package whose ``__init__.py`` it is, under a name of its own.

    The modules beside it can be imported by it.

    Raises:
        PluginError: a module beside it that it imports is hidden by another of the same name.
    """
    package, name = path.name == "__init__.py", module_name(path)
    if name in sys.modules:
        return sys.modules[name]
    folder = path.parent.parent if package else path.parent
    add_folder(folder)
    loader = UncachedLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader, is_package=package)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
        _check_siblings(path, folder)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def module_name(path: Path) -> str:
    """What a plugin file is called as a module: by its own name and by where it is."""
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    return f"{stem}_{hashlib.blake2b(str(path).encode(), digest_size=4).hexdigest()}"


def _check_siblings(path: Path, folder: Path) -> None:
    """Python keeps one module of a name: with two ``helper.py`` the second is never read.

    Followed through all files beside the plugin that it imports, now or later.
    """
    pending, seen = [path], {path}
    while pending:
        for name in _imported(pending.pop()):
            files = (folder / f"{name}.py", folder / name / "__init__.py")
            siblings = [file for file in files if file.is_file()]
            found = _origin(name) if siblings else None
            if found and found.resolve() not in [s.resolve() for s in siblings]:
                raise PluginError(f"imports {name}, but gets {found} instead of its own; rename it")
            pending += [s for s in siblings if s not in seen]
            seen.update(siblings)


def _origin(name: str) -> Path | None:
    loaded = sys.modules.get(name)
    if loaded is None:
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec else None
    else:
        origin = getattr(loaded, "__file__", None)
    return Path(origin) if origin else None


def _imported(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def in_one_line(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, PluginError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"calls sys.exit({error.code!r}) when imported"
    if isinstance(error, SyntaxError):
        place = f" in {error.filename}, line {error.lineno}" if error.filename else ""
        return f"syntax error{place}: {error.msg}"
    try:
        told = " ".join(str(error).split())
    except Exception:  # of its own __str__
        told = ""
    return f"{type(error).__name__}: {told}".removesuffix(": ")
