"""Reading a suite: from a file to validated components and the cells they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scorebench.errors import UserError
from scorebench.plugin.host import Host, host_for
from scorebench.suite import overrides, yaml
from scorebench.suite.resolve import Chosen, Resolver, beside
from scorebench.suite.shape import F, check_shape
from scorebench.suite.spec import Determinism, Limits, Precision, SuiteFile
from scorebench.suite.sweep import LARGEST_SWEEP, Point, expand


@dataclass(frozen=True)
class Suite:
    """A suite in which everything has been checked that can be without loading a model.

    Attributes:
        path: the file it was read from.
        data: its content, overrides included.
        host: the plugins it may use.
        points: the sweep, without repeats.
        others: as in the file.
    """

    path: Path
    data: dict[str, object]
    host: Host
    name: str
    seed: int
    repeats: int
    samples: int
    batch_size: int
    dataset: Chosen | None
    reference: str
    features: Chosen
    metrics: tuple[Chosen, ...]
    precision: Precision
    limits: Limits
    determinism: Determinism
    points: tuple[Point, ...]


def load_suite(
    path: Path | str, *, settings: Sequence[str] = (), plugins: Sequence[Path] = ()
) -> Suite:
    """Read a suite file and check all of it.

    Args:
        path: the file.
        settings: overrides, ``path=value`` each, as given to ``--set``.
        plugins: plugin files and folders beside those the suite names.

    Raises:
        UserError: the file can't be read, or a plugin path doesn't exist.
        SuiteError: the mistakes in it, all of them, each with its line.
    """
    path = Path(path)
    file, resolver = read(path, SuiteFile, settings, plugins)
    suite = None if file is None else _resolve(file, resolver, path)
    resolver.document.stop_if_problems()
    assert suite is not None
    return suite


def read(
    path: Path, kind: type[F], settings: Sequence[str], plugins: Sequence[Path]
) -> tuple[F | None, Resolver]:
    """The sound part of a file, overrides included, and what finds the components it names.

    Raises:
        UserError: the file can't be read, or a plugin path doesn't exist. Mistakes in the file are
            reported to the resolver's document.
    """
    document = yaml.load(path)
    overrides.apply(document, settings)
    file = check_shape(document, kind)
    host = host_for(plugins)
    if isinstance(document.data, dict):
        _load_plugins(host, document, path.parent)
    return file, Resolver(host, document, path.parent)


def _load_plugins(host: Host, document: yaml.Document, folder: Path) -> None:
    """Load the plugins that a file names, relative to its folder; mistakes are reported."""
    named = document.data.get("plugins") or []
    for i, plugin in enumerate(named if isinstance(named, list) else []):
        if isinstance(plugin, str) and plugin:
            try:
                host.load_paths([beside(folder, Path(plugin))])
            except (UserError, ValueError) as error:
                document.report(("plugins", i), str(error))


def _resolve(file: SuiteFile, resolver: Resolver, path: Path) -> Suite | None:
    report = resolver.document.report
    dataset = None
    if file.dataset is not None:
        dataset = resolver.single("dataset", file.dataset, ("dataset",))
    elif file.reference == "dataset":
        report((), "key dataset is missing; name one, or set reference: model")
    features = None
    if file.features is not None:
        features = resolver.single("feature_extractor", file.features, ("features",))
    metrics: list[Chosen] = []
    for i, value in enumerate(file.metrics):
        metric = resolver.single("metric", value, ("metrics", i))
        if metric is None:
            continue
        if metric.name in {m.name for m in metrics}:
            report(("metrics", i), f"{metric.name} is listed twice")
        metrics.append(metric)
        try:
            least = int(metric.component.minimum_samples)
        except (Exception, SystemExit) as error:
            report(("metrics", i), f"minimum_samples: {type(error).__name__}: {error}")
            continue
        better = metric.component.better
        if not isinstance(better, Mapping) or not set(better.values()) <= {"lower", "higher"}:
            report(("metrics", i), f"{metric.name}.better is {better!r}: say lower or higher")
        if file.samples < least:
            report(("samples",), f"{file.samples} are too few: {metric.name} needs {least}")
    points = [
        point
        for i, block in enumerate(file.sweep)
        if block is not None
        for point in expand(resolver, block, ("sweep", i))
    ]
    if not points and not resolver.document.problems:
        report(("sweep",), "no cell is left after exclude")
    if len(points) * file.repeats > LARGEST_SWEEP:
        report(("repeats",), f"more than {LARGEST_SWEEP:,} cells")
    if resolver.document.problems or features is None:
        return None
    return Suite(
        path=path,
        data=resolver.document.data,
        host=resolver.host,
        name=file.name,
        seed=file.seed,
        repeats=file.repeats,
        samples=file.samples,
        batch_size=file.batch_size,
        dataset=dataset,
        reference=file.reference,
        features=features,
        metrics=tuple(metrics),
        precision=file.precision,
        limits=file.limits,
        determinism=file.determinism,
        points=tuple(points),
    )
