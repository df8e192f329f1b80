"""A training config: a YAML file that says what to learn from what, checked before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from scorebench.errors import UserError, did_you_mean
from scorebench.plugin import parameters
from scorebench.plugin.component import ComponentSpec
from scorebench.plugin.host import Host
from scorebench.plugin.parameters import brief
from scorebench.suite import yaml
from scorebench.suite.load import read
from scorebench.suite.resolve import Chosen, Resolver
from scorebench.suite.shape import File, Part, Real, Whole, check_shape
from scorebench.train.criteria import CRITERIA, DSM, EDM, Criterion, FisherDivergence
from scorebench.train.networks import NETWORKS, Network
from scorebench.train.preconditioning import Parametrisation, Preconditioning


class Optimiser(Part):
    """How weights follow the gradient."""

    model_config = ConfigDict(allow_inf_nan=False)

    name: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: Annotated[Real, Field(gt=0)] = 1e-3
    weight_decay: Annotated[Real, Field(ge=0)] = 0.0
    warmup: Annotated[Whole, Field(ge=0)] = 0
    decay: Literal["none", "cosine"] = "cosine"
    clip: Annotated[Real, Field(gt=0)] | None = None


class Preview(Part):
    """How the sample grid is drawn: as a suite does; down the training's schedule by default."""

    schedule: Any = None
    sampler: Any = "heun"
    samples: Annotated[Whole, Field(ge=1)] = 64


class TrainingFile(File):
    """A training config. Components are checked afterwards, against what is installed."""

    model_config = ConfigDict(allow_inf_nan=False)

    WHAT: ClassVar = "a training config"
    REQUIRED: ClassVar = ("name", "network", "objective", "steps")
    PARTS: ClassVar[Mapping[str, type[Part]]] = {"optimiser": Optimiser, "preview": Preview}

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")] = "unnamed"
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 0
    plugins: list[str] = Field([])
    dataset: Any = None
    target: Any = None
    draws: Annotated[Whole, Field(ge=1)] = 100_000
    value_range: tuple[Real, Real] = (-1.0, 1.0)
    network: Any = None
    objective: Any = None
    schedule: Any = None
    parametrisation: Parametrisation = "score"
    preconditioning: Preconditioning = "edm"
    sigma_data: Annotated[Real, Field(gt=0)] | None = None
    optimiser: Optimiser = Optimiser()
    ema: Annotated[Real, Field(ge=0, lt=1)] = 0.999
    batch_size: Annotated[Whole, Field(ge=1)] = 128
    steps: Annotated[Whole, Field(ge=1)] = 1
    checkpoint_every: Annotated[Whole, Field(ge=1)] = 1000
    weights: Literal["float32", "float16", "bfloat16"] = "float32"
    preview: Preview = Preview()


@dataclass(frozen=True)
class TrainingConfig:
    """A config in which everything has been checked that can be without loading data.

    Attributes:
        path: the file it was read from.
        settings: what was overridden.
        data: its content, overrides included.
        file: the plain values in it.
        host: the plugins it may use.
        dataset, target, schedule, preview_schedule, preview_sampler: components, where given.
        network, criterion: what is trained, and the objective.
    """

    path: Path
    settings: tuple[str, ...]
    data: dict[str, object]
    file: TrainingFile
    host: Host
    dataset: Chosen | None
    target: Chosen | None
    schedule: Chosen | None
    network: Network
    criterion: Criterion
    preview_schedule: Chosen | None
    preview_sampler: Chosen


def load_config(
    path: Path | str, *, settings: Sequence[str] = (), plugins: Sequence[Path] = ()
) -> TrainingConfig:
    """Read a training config and check all of it.

    Args:
        path: the file.
        settings: overrides, ``path=value`` each, as given to ``--set``.
        plugins: plugin files and folders beside those the config names.

    Raises:
        UserError: the file can't be read, or a plugin path doesn't exist.
        SuiteError: the mistakes in it, all of them, each with its line.
    """
    path = Path(path)
    file, resolver = read(path, TrainingFile, settings, plugins)
    config = None if file is None else _resolve(file, resolver, path, tuple(settings))
    resolver.document.stop_if_problems()
    assert config is not None
    return config


def _resolve(
    file: TrainingFile, resolver: Resolver, path: Path, settings: tuple[str, ...]
) -> TrainingConfig | None:
    document = resolver.document
    network = _choose(document, "network", file.network, NETWORKS)
    criterion = _choose(document, "objective", file.objective, CRITERIA)
    shown = file.preview.schedule
    if shown is None and isinstance(criterion, EDM):
        shown = {"name": "karras", "n": 18}  # as Karras et al. 2022 sample CIFAR-10
    given: dict[str, Chosen | None] = {
        "dataset": resolver.optional("dataset", file.dataset, ("dataset",)),
        "target": resolver.optional("score_model", file.target, ("target",)),
        "schedule": resolver.optional("noise_schedule", file.schedule, ("schedule",)),
        "preview_schedule": resolver.optional("noise_schedule", shown, ("preview", "schedule")),
    }
    sampler = resolver.single("sampler", file.preview.sampler, ("preview", "sampler"))
    if not file.value_range[0] < file.value_range[1]:
        document.report(("value_range",), "the lower bound must be below the upper")
    if document.problems:
        return None
    for key, told in _contradictions(file, criterion):
        document.report((key,) if key in document.data else (), told)
    if document.problems or sampler is None:
        return None
    return TrainingConfig(
        path=path,
        settings=settings,
        data=document.data,
        file=file,
        host=resolver.host,
        network=network,
        criterion=criterion,
        preview_sampler=sampler,
        **given,
    )


def _contradictions(file: TrainingFile, criterion: Criterion) -> list[tuple[str, str]]:
    """What can't go together, each with the key it is about."""
    found = []
    if (file.dataset is None) == (file.target is None):
        told = "give a dataset to learn from, or a target: a score model that can draw samples"
        found.append(("target", told if file.target is None else f"{told}; not both"))
    if isinstance(criterion, FisherDivergence) and file.target is None:
        found.append(("objective", "fisher_divergence needs a target, whose score is known"))
    if (file.parametrisation, file.preconditioning) == ("energy", "noise"):
        # E = ½‖F‖² is flat in all weights where F = 0, which is where training starts.
        found.append(("preconditioning", "an energy can't learn with noise; take edm or none"))
    if isinstance(criterion, EDM):
        if file.schedule is not None:
            found.append(
                ("schedule", "edm draws noise levels by its mean and std; give no schedule")
            )
        if file.preconditioning != "edm":
            found.append(("preconditioning", "the objective edm needs preconditioning edm"))
    elif file.schedule is None:
        example = "{name: constant, sigma: 0.1}" if isinstance(criterion, DSM) else "geometric"
        found.append(("schedule", f"key schedule is missing: the noise levels, e.g. {example}"))
    return found


def _choose(document: yaml.Document, key: str, value: Any, classes: Mapping[str, type[Any]]) -> Any:
    """What a name or mapping with a name stands for; mistakes are reported."""
    if value is None:  # reported as missing
        return None
    try:
        spec = ComponentSpec.parse(value)
    except ValueError as error:
        document.report((key,), f"{error}, got {brief(value)}")
        return None
    if spec.name not in classes:
        hint = did_you_mean(spec.name, classes)
        document.report((key,), f"unknown {key} {brief(spec.name)}{hint}")
        return None
    built, problems = parameters.build(classes[spec.name], spec.parameters)
    for name, message in problems:
        document.report((key, name) if name else (key,), message)
    return built


def network_of(data: Any, source: Path) -> tuple[Network, Preconditioning, Parametrisation]:
    """The part of a config that a checkpoint needs in order to be loaded.

    Raises:
        UserError: it isn't there, or is spoiled.
    """
    document = yaml.Document(data, str(source))
    file = check_shape(document, TrainingFile)
    network = None
    if file is not None:
        network = _choose(document, "network", file.network, NETWORKS)
        _choose(document, "objective", file.objective, CRITERIA)
    document.stop_if_problems()
    if file is None or network is None:
        raise UserError(f"{source} is no training config")
    return network, file.preconditioning, file.parametrisation
