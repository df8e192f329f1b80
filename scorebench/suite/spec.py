"""The shape of a suite file: its keys, their types and defaults."""

from __future__ import annotations

import copy
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from scorebench.errors import did_you_mean
from scorebench.plugin.parameters import brief
from scorebench.suite.yaml import Document

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")


def _number(value: Any) -> Any:
    if isinstance(value, bool):  # pydantic would take true for 1
        raise ValueError("a number")
    return value


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and _DURATION.fullmatch(text := value.replace(" ", "")):
        return sum(float(n) * _UNITS[u] for n, u in re.findall(r"([\d.]+)([smhd])", text))
    return value


Whole = Annotated[int, BeforeValidator(_number)]
Seconds = Annotated[float, BeforeValidator(_number), BeforeValidator(_seconds)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Precision(_Part):
    """Floating-point precision of the sampler's state and of the model."""

    state: Literal["float32", "float64"] = "float32"
    model: Literal["float32", "float64", "bfloat16", "float16"] = "float32"


class Limits(_Part):
    """What a cell may use: seconds (or e.g. ``2h``, ``1h30m``), and further tries if it fails."""

    timeout: Annotated[Seconds, Field(gt=0)] | None = None
    retries: Annotated[Whole, Field(ge=0)] = 0


class Block(_Part):
    """One full product of score models, noise schedules and samplers."""

    model: Any
    schedule: Any
    sampler: Any
    exclude: list[Annotated[dict[str, Any], Field(min_length=1)]] = []
    zip: list[Annotated[list[str], Field(min_length=2)]] = []


class SuiteFile(_Part):
    """A suite file. Components are checked afterwards, against what is installed."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")] = "unnamed"
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 0
    repeats: Annotated[Whole, Field(ge=1)] = 1
    samples: Annotated[Whole, Field(ge=1, lt=2**32)] = 2**32 - 1
    batch_size: Annotated[Whole, Field(ge=1)] = 256
    dataset: Any = None
    reference: Literal["dataset", "model"] = "dataset"
    features: Any = None
    metrics: list[Any] = []
    plugins: list[str] = []
    precision: Precision = Precision()
    limits: Limits = Limits()
    sweep: list[Block | None] = []


_PLAIN = {
    "dict_type": "a mapping",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "seconds or e.g. 1h30m",
    "float_type": "seconds or e.g. 1h30m",
    "list_type": "a list",
    "model_type": "a mapping",
    "string_type": "a word",
}

# Kept out of the class, so that the rest of a file that lacks one can still be checked.
REQUIRED = ("name", "samples", "features", "metrics", "sweep")


def check_shape(document: Document) -> SuiteFile | None:
    """The sound part of a suite file; mistakes in its keys and plain values are reported."""
    if not isinstance(document.data, dict):
        document.report((), "a suite is a mapping: name, samples, features, metrics, sweep, …")
        return None
    data = copy.deepcopy(document.data)
    for key in REQUIRED:
        if key not in data:
            document.report((), f"key {key} is missing")
        elif data[key] is None or data[key] == []:
            document.report((key,), "must not be empty")
            del data[key]
    sweep = data.get("sweep")
    for i, block in enumerate(sweep if isinstance(sweep, list) else []):
        if block is None:
            document.report(("sweep", i), "must not be empty")
    try:
        return SuiteFile.model_validate(data)
    except ValidationError as error:
        for mistake in error.errors():
            _report(document, mistake)
            _take_out(data, mistake)
    return SuiteFile.model_validate(data)


def _take_out(data: dict[str, Any], mistake: Any) -> None:
    """Remove what a mistake spoils: an unknown key, else the top-level key or block around it."""
    location = mistake["loc"]
    if mistake["type"] != "extra_forbidden":
        location = location[:2] if location[0] == "sweep" else location[:1]
    around: Any = data
    for step in location[:-1]:
        around = around.get(step) if isinstance(around, dict) else around[step]
        if around is None:  # an earlier mistake has taken it out
            return
    if isinstance(around, list):
        around[location[-1]] = None  # keeps the other blocks' numbers
    else:
        around.pop(location[-1], None)


def _report(document: Document, mistake: Any) -> None:
    location = tuple(mistake["loc"])
    match mistake["type"]:
        case "extra_forbidden":
            known = SuiteFile.model_fields.keys()
            if location[0] == "sweep":
                known = Block.model_fields.keys()
            elif location[0] in ("precision", "limits"):
                part = Precision if location[0] == "precision" else Limits
                known = part.model_fields.keys()
            document.report(location, f"unknown key{did_you_mean(str(location[-1]), known)}")
        case "missing":
            document.report(location[:-1], f"key {location[-1]} is missing")
        case "too_short":
            least = mistake["ctx"]["min_length"]
            told = "must not be empty" if least == 1 else f"must have at least {least} items"
            document.report(location, told)
        case "string_pattern_mismatch":
            document.report(
                location,
                f"{brief(mistake['input'])} must be letters, digits, '_', '.' and '-', at most 100 "
                "and the first a letter or digit",
            )
        case _:
            told = mistake["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
            told = _PLAIN.get(mistake["type"], told)
            document.report(location, f"expected {told}, got {brief(mistake['input'])}")
