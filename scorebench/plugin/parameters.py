"""A component's parameters, read from its dataclass: names, types, defaults, bounds, meaning."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import reprlib
import textwrap
import types
import typing
from collections.abc import Mapping
from typing import Any

import annotated_types
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from scorebench.errors import did_you_mean

REQUIRED = PydanticUndefined

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
_SHORT.maxlevel = 3
_LONGEST = 200


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One field of a component's dataclass.

    Attributes:
        name: what suites call it: the field's name, without the underscore at its end that a
            field has whose name the contract or Python takes, such as ``lambda_``.
        field: the field's name.
        type: its type and bounds, in words.
        default: its default, or ``REQUIRED``.
        doc: the string that follows the field in the class body.
        adapter: validates and coerces a value.
    """

    name: str
    field: str
    type: str
    default: Any
    doc: str
    adapter: TypeAdapter[Any]

    def validate(self, value: Any) -> Any:
        """The value as the parameter's type.

        Raises:
            ValueError: the type doesn't accept it; the message says why.
        """
        try:
            validated = self.adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(self._reason(value, error)) from None
        except Exception as error:  # of a validator that belongs to the plugin
            raise ValueError(f"{brief(value)}: {type(error).__name__}: {error}") from error
        if _counts_a_bool(value, validated):  # pydantic takes true for 1
            raise ValueError(f"expected {self.type}, got {brief(value)}")
        return validated

    def _reason(self, value: Any, error: ValidationError) -> str:
        first = error.errors()[0]
        if first["type"] == "value_error":
            return f"{brief(value)}: {first['msg'].removeprefix('Value error, ')}"
        return f"expected {self.type}, got {brief(value)}"


@functools.cache
def parameters_of(cls: type) -> Mapping[str, Parameter]:
    """The parameters of a component class, in order.

    Raises:
        TypeError: it isn't a frozen, keyword-only dataclass.
    """
    settings = cls.__dict__.get("__dataclass_params__")  # not those of a base class
    fields = dataclasses.fields(cls) if settings is not None else ()
    if settings is None or not settings.frozen or not all(f.kw_only for f in fields):
        raise TypeError(
            f"{cls.__qualname__} must be declared with @dataclass(frozen=True, kw_only=True)"
        )
    hints = typing.get_type_hints(cls, include_extras=True)
    docs = _field_docs(cls)
    found = {}
    for f in fields:
        if not f.init:
            continue
        default = f.default if f.default is not dataclasses.MISSING else REQUIRED
        if f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        hint = hints[f.name]
        name = f.name.removesuffix("_")
        found[name] = Parameter(
            name=name,
            field=f.name,
            type=describe_type(hint),
            default=default,
            doc=docs.get(f.name, ""),
            adapter=_adapter(hint),
        )
    return types.MappingProxyType(found)


def build(cls: type, values: Mapping[str, Any]) -> tuple[Any, list[tuple[str | None, str]]]:
    """A component from given values, or every reason why there is none.

    Returns:
        The component (None if there are problems) and problems as (parameter or None, message).
    """
    known = parameters_of(cls)
    problems: list[tuple[str | None, str]] = []
    validated = {}
    for name, value in values.items():
        if name not in known:
            problems.append((name, f"unknown parameter{did_you_mean(name, known)}"))
            continue
        try:
            validated[known[name].field] = known[name].validate(value)
        except ValueError as error:
            problems.append((name, str(error)))
    missing = [n for n, p in known.items() if p.default is REQUIRED and n not in values]
    problems += [(None, f"parameter {name} is required") for name in missing]
    if problems:
        return None, problems
    try:
        return cls(**validated), []
    except ValueError as error:
        return None, [(None, str(error))]
    except Exception as error:
        return None, [(None, f"{type(error).__name__}: {error}")]


def brief(value: Any) -> str:
    """A value as Python writes it, shortened where it is long."""
    text = _SHORT.repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def describe_type(hint: Any) -> str:
    """A type and its bounds in words, e.g. ``float > 0`` or ``"half" or "full"``."""
    if typing.get_origin(hint) is typing.Annotated:
        base, *notes = typing.get_args(hint)
        return " ".join([describe_type(base), *filter(None, map(_bound, notes))])
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return " or ".join(describe_type(a) for a in typing.get_args(hint))
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(repr(a) if a is None else str(a) for a in typing.get_args(hint))
    if typing.get_origin(hint) in (list, tuple):
        inside = [describe_type(a) for a in typing.get_args(hint) if a is not Ellipsis]
        return f"list of {inside[0]}" if len(set(inside)) == 1 else f"list ({', '.join(inside)})"
    if hint is type(None):
        return "none"
    name = getattr(hint, "__name__", str(hint))
    return {"ComponentSpec": "component", "Importable": "module:name or file.py:name"}.get(
        name, name
    )


def _adapter(hint: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # a dataclass or model: settings would be ignored, so are refused
        return TypeAdapter(hint)


def _bound(note: Any) -> str:
    match note:
        case annotated_types.Interval() | annotated_types.Len():
            return " ".join(filter(None, map(_bound, note)))
        case annotated_types.Gt():
            return f"> {note.gt}"
        case annotated_types.Ge():
            return f"≥ {note.ge}"
        case annotated_types.Lt():
            return f"< {note.lt}"
        case annotated_types.Le():
            return f"≤ {note.le}"
        case annotated_types.MinLen():
            return f"(at least {note.min_length})"
        case annotated_types.MaxLen():
            return f"(at most {note.max_length})"
        case _:
            return ""


def _counts_a_bool(value: Any, validated: Any) -> bool:
    """Whether a bool in a value, or in a list of them, has become a number."""
    if isinstance(value, list | tuple) and isinstance(validated, list | tuple):
        return any(map(_counts_a_bool, value, validated))
    return isinstance(value, bool) and type(validated) in (int, float)


def _field_docs(cls: type) -> dict[str, str]:
    """The strings that follow fields in the bodies of a class and its bases."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        try:
            (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        except (OSError, TypeError, SyntaxError, ValueError):
            continue
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for statement, following in itertools.pairwise(statements):
            match statement, following:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    docs[name] = inspect.cleandoc(text)
    return docs
