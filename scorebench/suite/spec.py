"""The shape of a suite file: its keys, their types and defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from scorebench.suite.shape import File, Part, Whole, number

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and _DURATION.fullmatch(text := value.replace(" ", "")):
        return sum(float(n) * _UNITS[u] for n, u in re.findall(r"([\d.]+)([smhd])", text))
    if isinstance(value, int | float):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError("seconds or e.g. 1h30m") from None


Seconds = Annotated[float, BeforeValidator(number), BeforeValidator(_seconds)]


class Precision(Part):
    """Floating-point precision of the sampler's state and of the model."""

    state: Literal["float32", "float64"] = "float32"
    model: Literal["float32", "float64", "bfloat16", "float16"] = "float32"


class Limits(Part):
    """What a cell may use, and further tries if it fails.

    ``timeout`` is in seconds, or e.g. ``2h``, ``1h30m``; ``gpus`` is the share of a device that a
    cell takes on a cluster.
    """

    timeout: Annotated[Seconds, Field(gt=0)] | None = None
    retries: Annotated[Whole, Field(ge=0)] = 0
    gpus: Annotated[float, BeforeValidator(number), Field(gt=0, le=1)] = 1.0


class Determinism(Part):
    """What torch may give up for speed.

    ``algorithms`` asks for those that give the same bits every time, and fails where there are
    none; ``tf32`` lets GPUs round factors of float32 products to 10 bits; ``cudnn_benchmark`` tries
    which convolution is fastest.
    """

    algorithms: bool = False
    tf32: bool = False
    cudnn_benchmark: bool = False


class Block(Part):
    """One full product of score models, noise schedules and samplers."""

    model: Any
    schedule: Any
    sampler: Any
    exclude: list[Annotated[dict[str, Any], Field(min_length=1)]] = Field([])
    zip: list[Annotated[list[str], Field(min_length=2)]] = Field([])


class SuiteFile(File):
    """A suite file. Components are checked afterwards, against what is installed."""

    WHAT: ClassVar = "a suite"
    REQUIRED: ClassVar = ("name", "samples", "features", "metrics", "sweep")
    PARTS: ClassVar[Mapping[str, type[Part]]] = {
        "sweep": Block,
        "precision": Precision,
        "limits": Limits,
        "determinism": Determinism,
    }
    ONE_BY_ONE: ClassVar = frozenset({"sweep"})

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")] = "unnamed"
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 0
    repeats: Annotated[Whole, Field(ge=1)] = 1
    samples: Annotated[Whole, Field(ge=1, lt=2**32)] = 2**32 - 1
    batch_size: Annotated[Whole, Field(ge=1)] = 256
    dataset: Any = None
    reference: Literal["dataset", "model"] = "dataset"
    features: Any = None
    metrics: list[Any] = Field([])
    plugins: list[Annotated[str, Field(min_length=1)]] = Field([])
    precision: Precision = Precision()
    limits: Limits = Limits()
    determinism: Determinism = Determinism()
    sweep: list[Block | None] = Field([])
