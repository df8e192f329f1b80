"""Digests of everything that can change a number: parameters, source code, files and data."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import hashlib
import importlib.util
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorebench.atomic import write_atomically
from scorebench.errors import UserError
from scorebench.plugin.component import ComponentSpec
from scorebench.plugin.importable import Importable
from scorebench.running.cache import default_folder, digest

if TYPE_CHECKING:
    from scorebench.plugin.contracts import Data

# The harness modules through which every number passes.
HARNESS = (
    "scorebench.plugin.contracts",
    "scorebench.running.cell",
    "scorebench.running.context",
    "scorebench.running.evidence",
    "scorebench.running.kept",
    "scorebench.running.measuring",
    "scorebench.running.member",
    "scorebench.running.noise",
    "scorebench.running.pixels",
    "scorebench.running.process_state",
    "scorebench.running.reference",
    "scorebench.running.sampling",
    "scorebench.running.setting",
    "scorebench.running.torch_settings",
    "scorebench.running.workbench",
)

# Folders of installed packages: of this Python, of the user, of a cluster's modules.
INSTALLED = frozenset({"site-packages", "dist-packages"})

TYPES_ONLY = frozenset({"TYPE_CHECKING", "typing.TYPE_CHECKING"})


def describe(
    component: Any,
    *,
    source: Callable[[str], str] | None = None,
    named: Callable[[ComponentSpec], Any] | None = None,
) -> dict[str, Any]:
    """What a component is, as JSON: its class, its source, all its parameters.

    A parameter that is a path stands for the content of that file or folder; one that names a
    Python object, for its name and the source of its module.

    Args:
        component: any.
        source: the digest of a module; ``source_digest`` unless given.
        named: what stands for a component that a parameter names; name and parameters unless given.

    Raises:
        UserError: a parameter names a Python object whose module can't be imported.
    """
    cls = type(component)
    source = source or source_digest
    plain = functools.partial(_plain, source=source, named=named)
    return {
        "class": cls.__qualname__,
        "source": source(cls.__module__),
        "parameters": {
            f.name: plain(getattr(component, f.name)) for f in dataclasses.fields(component)
        },
    }


def modules(component: Any) -> set[str]:
    """The modules a component is made of: that of its class, those its parameters name."""
    values = [getattr(component, f.name) for f in dataclasses.fields(component)]
    named = {value.imported().__name__ for value in values if isinstance(value, Importable)}
    return {type(component).__module__, *named}


def _plain(
    value: Any, source: Callable[[str], str], named: Callable[[ComponentSpec], Any] | None
) -> Any:
    plain = functools.partial(_plain, source=source, named=named)
    match value:
        case Path():
            return {"content": path_digest(value)}
        case Importable():
            name = Path(value.module).name if value.is_file else value.module
            return {
                "object": f"{name}:{value.attribute}",
                "source": source(value.imported().__name__),
            }
        case ComponentSpec() if named is not None:
            return named(value)
        case ComponentSpec():
            return {"name": value.name, "parameters": plain(value.parameters)}
        case Mapping():
            return {str(k): plain(v) for k, v in value.items()}
        case list() | tuple():
            return [plain(v) for v in value]
        case set() | frozenset():
            return sorted(json.dumps(plain(v), sort_keys=True) for v in value)
        case bool() | int() | float() | str() | None:
            return value
        case _:
            return repr(value)


def data_digest(data: Data) -> str:
    """A digest of a dataset's content: of samples and labels, or of the files that hold them."""
    own = getattr(data.x, "content_digest", None)
    if own is not None:
        return str(own())
    hasher = hashlib.blake2b(digest_size=16)
    hasher.update(json.dumps([str(data.x.dtype), list(data.x.shape), data.value_range]).encode())
    for batch in data.batches(4096):
        hasher.update(batch.contiguous().cpu().numpy().data)
    if data.labels is not None:
        hasher.update(b"labels")
        hasher.update(data.labels.contiguous().cpu().numpy().data)
    return hasher.hexdigest()


def path_digest(path: Path) -> str:
    """A digest of a file's bytes, or of the names and bytes of all files in a folder.

    Reading is skipped for files whose size and time of change are those of an earlier call.

    Raises:
        OSError: there is no such file or folder, or it can't be read.
    """
    path.stat()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    names = [file.relative_to(path).as_posix() for file in files]
    stats = [os.stat(file) for file in files]
    seen = digest(
        [
            str(path.resolve()),
            [[n, s.st_size, s.st_mtime_ns] for n, s in zip(names, stats, strict=True)],
        ]
    )
    memo = default_folder() / "digests" / seen
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if kept := memo.read_text():
            return kept
    hasher = hashlib.blake2b(digest_size=16)
    for name, stat, file in zip(names, stats, files, strict=True):
        hasher.update(f"{name}\0{stat.st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                hasher.update(block)
    with contextlib.suppress(OSError):
        write_atomically(memo, hasher.hexdigest().encode())
    return hasher.hexdigest()


def source_digest(module: str) -> str:
    """A digest of a module's source and of the local modules it imports, directly or not.

    Raises:
        UserError: a module's file was edited after this process had loaded it, so what runs
            isn't what the file says.
    """
    top = module.partition(".")[0]  # of a plugin file it depends on where that is
    digests = {}
    for name, path in local_modules(module).items():
        within = name == top or name.startswith(f"{top}.")
        digests["/" + name[len(top) :] if within else name] = _file_digest(name, path)
    return digest(digests)


def _file_digest(name: str, path: Path) -> str:
    found = _read(name, path)[0]
    loaded = sys.modules.get(name)
    if loaded is not None:
        as_loaded = getattr(getattr(loaded, "__loader__", None), "digest", None)
        if (as_loaded or loaded.__dict__.setdefault("__scorebench_source__", found)) != found:
            raise UserError(f"{path} was edited after it was loaded; start a new Python process")
    return found


def harness_digest() -> str:
    """A digest of the harness modules through which every number passes."""
    return modules_digest(HARNESS)


def modules_digest(names: Iterable[str]) -> str:
    """A digest of the source of modules, and of nothing that they import."""
    files = {name: path for name in names if (path := _find(name)) is not None}
    return digest({name: _file_digest(name, path) for name, path in files.items()})


def local_modules(module: str) -> dict[str, Path]:
    """The files of a module and of all modules it imports that are part of the same work.

    Local are the modules of the same top-level package, those of scorebench other than its front
    page, and any that belong neither to the standard library nor to an installed package.
    """
    found: dict[str, Path] = {}
    around = set(_prefixes(module.rpartition(".")[0]))
    pending = [module]
    while pending:
        name = pending.pop()
        path = _find(name)
        if name in found or path is None or path.suffix != ".py":
            continue
        found[name] = path
        for imported in _read(name, path)[1]:
            # Importing a.b runs a too. The packages around the component itself are left out
            # unless named: they run to register it, and change with every other component.
            named = set(_prefixes(imported)) - around | {imported}
            pending += [n for n in named if _is_local(n, module)]
    return found


def _find(name: str) -> Path | None:
    loaded = sys.modules.get(name)
    origin = getattr(loaded, "__file__", None)
    if origin is None:
        try:
            spec = importlib.util.find_spec(name)
        except (Exception, SystemExit):  # a package around it may run anything
            return None
        origin = spec.origin if spec is not None and spec.has_location else None
    return Path(origin) if origin is not None else None


def _is_local(name: str, root: str) -> bool:
    top = name.partition(".")[0]
    if name == "scorebench" or top in sys.stdlib_module_names:
        return False
    if top in {"scorebench", root.partition(".")[0]}:
        return True
    return any(INSTALLED.isdisjoint(place.parts) for place in _places(top))


def _places(top: str) -> list[Path]:
    """Where a top-level module is, without importing it: its file, or else its folders."""
    path = _find(top)
    if path is not None:
        return [path]
    with contextlib.suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(top)
        return [Path(p) for p in (spec and spec.submodule_search_locations) or ()]
    return []


def _prefixes(name: str) -> list[str]:
    """``a.b.c`` → ``a``, ``a.b``, ``a.b.c``: what importing it imports."""
    return list(itertools.accumulate(name.split("."), "{}.{}".format)) if name else []


def _read(name: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """A source file's digest, and what it imports; read again only when it has changed."""
    stat = path.stat()
    return _read_at(name, path, stat.st_mtime_ns, stat.st_size)


@functools.cache
def _read_at(name: str, path: Path, _changed: int, _size: int) -> tuple[str, tuple[str, ...]]:
    text = path.read_bytes()
    return hashlib.blake2b(text).hexdigest(), tuple(_imports(name, path, text))


def _imports(name: str, path: Path, text: bytes) -> Iterator[str]:
    """Dotted names a source file may import; ``from a import b`` gives ``a`` and ``a.b``."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return  # imported in vain, if at all; its bytes still count
    for node in _runtime_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but what ``if TYPE_CHECKING:`` hides from a running program."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in TYPES_ONLY:
            for branch in node.orelse:
                yield branch
                yield from _runtime_nodes(branch)
        else:
            yield from _runtime_nodes(node)
