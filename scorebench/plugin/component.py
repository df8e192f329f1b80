"""A component: the record a plugin hands to the host, and how a suite refers to one."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator

Kind = Literal["score_model", "noise_schedule", "sampler", "dataset", "feature_extractor", "metric"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_NAME = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class Component:
    """A named component, as a plugin's hook yields it.

    Args:
        name: what suites call it, unique within its kind: letters, digits and ``_ . + -``.
        target: its class, or ``"module:Class"``, which is imported when first used.
        summary: one line for ``scorebench list``.
    """

    name: str
    target: type | str
    summary: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} can't name a component; use letters, digits, _ . + -")

    def resolve(self) -> type:
        """The component's class; a lazy target is imported now."""
        if isinstance(self.target, type):
            return self.target
        module, colon, attribute = str(self.target).partition(":")
        if not colon:
            raise TypeError(f'{self.target!r} is neither a class nor "module:Class"')
        found = getattr(importlib.import_module(module), attribute)
        if not isinstance(found, type):
            raise TypeError(f"{self.target} is not a class")
        return found


@dataclass(frozen=True)
class ComponentSpec:
    """A reference to a component: its name, the parameters given to it, and its kind."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = "dataset"

    @classmethod
    def parse(cls, value: Any, kind: Kind = "dataset") -> ComponentSpec:
        """Read ``"name"`` or ``{name: ..., parameter: ...}``.

        Raises:
            ValueError: it is neither.
        """
        if isinstance(value, ComponentSpec):
            return value
        if isinstance(value, str):
            return cls(value, kind=kind)
        if isinstance(value, Mapping) and isinstance(value.get("name"), str):
            return cls(value["name"], {k: v for k, v in value.items() if k != "name"}, kind)
        raise ValueError("expected a name or a mapping with a name")


# The type of a parameter that names a dataset, e.g. the one a model is fitted to.
DatasetSpec = Annotated[ComponentSpec, BeforeValidator(ComponentSpec.parse)]

# The type of a parameter that names a score model, e.g. one whose exact score is to be compared.
ScoreModelSpec = Annotated[
    ComponentSpec, BeforeValidator(functools.partial(ComponentSpec.parse, kind="score_model"))
]
