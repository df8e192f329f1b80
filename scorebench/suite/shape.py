"""The shape of a YAML file: its keys and plain values checked, every mistake with its line."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from scorebench.errors import did_you_mean
from scorebench.plugin.parameters import brief
from scorebench.suite.yaml import Document


def number(value: Any) -> Any:
    """Refuse true and false, which pydantic would take for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number")
    return value


Whole = Annotated[int, BeforeValidator(number)]
Real = Annotated[float, BeforeValidator(number)]


class Part(BaseModel):
    """A mapping with known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class File(Part):
    """A whole file.

    Every key has a default, so that the rest of a file that lacks one can still be checked.

    Attributes:
        WHAT: what such a file is called.
        REQUIRED: keys that must be given and not empty.
        PARTS: keys whose value, or each of whose items, is a mapping with known keys.
        ONE_BY_ONE: keys that hold a list whose items are independent of each other; the type of
            an item admits None, which stands for one that is spoiled.
    """

    WHAT: ClassVar[str]
    REQUIRED: ClassVar[tuple[str, ...]]
    PARTS: ClassVar[Mapping[str, type[Part]]] = {}
    ONE_BY_ONE: ClassVar[frozenset[str]] = frozenset()


F = TypeVar("F", bound=File)

_PLAIN = {
    "dict_type": "a mapping",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "list_type": "a list",
    "model_type": "a mapping",
    "string_type": "a word",
    "tuple_type": "a list",
}


def check_shape(document: Document, file: type[F]) -> F | None:
    """The sound part of a file; mistakes in its keys and plain values are reported."""
    if not isinstance(document.data, dict):
        document.report((), f"{file.WHAT} is a mapping: {', '.join(file.REQUIRED)}, …")
        return None
    data = copy.deepcopy(document.data)
    for key in file.REQUIRED:
        if key not in data:
            document.report((), f"key {key} is missing")
        elif data[key] is None or data[key] == []:
            document.report((key,), "must not be empty")
            del data[key]
    for key in file.ONE_BY_ONE:
        items = data.get(key)
        for i, item in enumerate(items if isinstance(items, list) else []):
            if item is None:
                document.report((key, i), "must not be empty")
    try:
        return file.model_validate(data)
    except ValidationError as error:
        for mistake in error.errors():
            _report(document, mistake, file)
            _take_out(data, mistake, file)
    return file.model_validate(data)


def _take_out(data: dict[str, Any], mistake: Any, file: type[File]) -> None:
    """Remove what a mistake spoils: an unknown key, else the top-level key or item around it."""
    location = mistake["loc"]
    if mistake["type"] != "extra_forbidden":
        location = location[:2] if location[0] in file.ONE_BY_ONE else location[:1]
    around: Any = data
    for step in location[:-1]:
        around = around.get(step) if isinstance(around, dict) else around[step]
        if around is None:  # an earlier mistake has taken it out
            return
    if isinstance(around, list):
        around[location[-1]] = None  # keeps the other items' numbers
    else:
        around.pop(location[-1], None)


def _report(document: Document, mistake: Any, file: type[File]) -> None:
    location = tuple(mistake["loc"])
    match mistake["type"]:
        case "extra_forbidden":
            around: type[Part] = file if len(location) == 1 else file.PARTS[str(location[0])]
            known = around.model_fields.keys()
            document.report(location, f"unknown key{did_you_mean(str(location[-1]), known)}")
        case "missing" if isinstance(location[-1], int):
            document.report(location[:-1], f"must have at least {location[-1] + 1} items")
        case "missing":
            document.report(location[:-1], f"key {location[-1]} is missing")
        case "too_short":
            least = mistake["ctx"]["min_length"]
            told = "must not be empty" if least == 1 else f"must have at least {least} items"
            document.report(location, told)
        case "too_long":
            document.report(location, f"must have at most {mistake['ctx']['max_length']} items")
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
