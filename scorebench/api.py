"""What scripts and notebooks call; all of it is importable from ``scorebench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorebench.plugin.component import Kind
from scorebench.plugin.host import default_host

if TYPE_CHECKING:
    import pandas as pd


def build(kind: Kind, name: str, **parameters: Any) -> Any:
    """A component with validated parameters, e.g. ``build("sampler", "heun", s_churn=40)``.

    Raises:
        UnknownComponentError: there is no such component.
        ParameterError: an unknown parameter, a wrong type or a value out of bounds.
        PluginError: the plugin that holds it is broken.
    """
    return default_host().build(kind, name, parameters)


def load(
    kind: Kind, name: str, *, device: str = "cpu", dtype: str = "float32", **parameters: Any
) -> Any:
    """``build(kind, name, ...).load(...)``: a score model, data, or a feature extractor.

    Args:
        kind, name, parameters: as for ``build``.
        device: where tensors live.
        dtype: floating-point precision.
    """
    from scorebench.running.context import Context

    return build(kind, name, **parameters).load(Context(device=device, dtype=dtype))


def run(
    suite: str | Path,
    *,
    results: str | Path | None = None,
    engine: str = "local",
    device: str = "auto",
) -> pd.DataFrame:
    """Run what is missing of a suite and return its table.

    Args:
        suite: a suite file.
        results: the results directory; ``results/<suite>`` unless given.
        engine: which engine runs the cells: ``local``, ``ray`` or ``inline``.
        device: e.g. ``auto``, ``cpu``, ``cuda:1``.

    Raises:
        UserError: a mistake in the suite or its surroundings; nothing has been written then.
    """
    from scorebench.engine.arguments import arguments
    from scorebench.engine.base import EngineOptions
    from scorebench.engine.drive import prepare
    from scorebench.suite.load import load_suite

    where = None if results is None else Path(results)
    drive = prepare(
        load_suite(suite),
        results=where,
        engine=EngineOptions(name=engine),
        device=device,
        arguments=arguments(suite, device=device),
    )
    for _ in drive.run():
        pass
    assert drive.table is not None
    return drive.table


def read_results(*paths: str | Path) -> pd.DataFrame:
    """The rows of one or more results directories, as one table.

    Raises:
        UserError: a path is not a results directory.
    """
    import pandas as pd

    from scorebench.store import Store

    tables = [Store(Path(path)).table() for path in paths]
    return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
