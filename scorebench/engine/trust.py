"""What code a suite would run that isn't installed: plugin files, and objects that it names.

Nothing that is read from a file is run, except what the user named. Who gives a suite names all
that is in it; who gives results doesn't name what their ``plan.json`` leads to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scorebench.errors import UserError
from scorebench.plugin.component import ComponentSpec
from scorebench.plugin.importable import Importable
from scorebench.suite import overrides, yaml
from scorebench.suite.load import Suite
from scorebench.suite.sweep import ROLES


def check_plugins(path: Path, settings: Sequence[str], plugins: Sequence[Path]) -> None:
    """Make sure that reading a suite runs no plugin file.

    Args:
        path, settings, plugins: as for ``load_suite``.

    Raises:
        UserError: it would; or the suite can't be read.
    """
    document = yaml.load(path)
    overrides.apply(document, settings)
    named = document.data.get("plugins") if isinstance(document.data, dict) else None
    _refuse([*map(str, plugins), *(map(str, named) if isinstance(named, list) else [])])


def check_objects(suite: Suite) -> None:
    """Make sure that a suite's components run no Python object that they name.

    Raises:
        UserError: they would.
    """
    chosen = [*suite.metrics, suite.features, *([suite.dataset] if suite.dataset else [])]
    chosen += [getattr(point, role) for point in suite.points for role in ROLES]
    components = {id(c.component): c.component for c in chosen}.values()
    _refuse(str(found) for component in components for found in _objects(component))


def _refuse(code: Iterable[str]) -> None:
    names = sorted(set(code))
    if names:
        raise UserError(
            f"this would run {', '.join(names)}, as the results say; give --trust if they are yours"
        )


def _objects(value: Any) -> Iterator[Importable]:
    match value:
        case Importable():
            yield value
        case ComponentSpec():
            yield from _objects(value.parameters)
        case Mapping():
            yield from _objects(list(value.values()))
        case list() | tuple():
            for item in value:
                yield from _objects(item)
        case _ if dataclasses.is_dataclass(value):
            yield from _objects([getattr(value, f.name) for f in dataclasses.fields(value)])
