"""Overriding a suite's values from the command line: ``--set 'sweep[0].schedule.n=[5, 10]'``.

``sweep[*].model=factor_mixture`` sets a value in every item of a list.
"""

from __future__ import annotations

import copy
import functools
import operator
import re
from collections.abc import Iterable
from typing import Any

from scorebench.errors import SuiteError, UserError
from scorebench.suite.yaml import Document, Location, parse, pretty

_STEP = re.compile(r"\.?([^.\[\]=\ud800-\udfff]+)|\[([0-9]{1,9}|\*)\]")
_EVERY = -1


def apply(document: Document, settings: Iterable[str]) -> None:
    """Set values in place; a value is read as YAML, a missing mapping on the way is made.

    Raises:
        UserError: a setting isn't ``path=value``, or its path leads nowhere.
    """
    for setting in settings:
        path, equals, text = setting.partition("=")
        location = _location(path.strip())
        told = setting if setting.isprintable() else repr(setting)
        if not equals or not location:
            raise UserError(
                f"--set {told}: expected path=value, e.g. n=5 or sweep[0].schedule.n=[5,10]"
            )
        try:
            given = parse(text, f"--set {told}")
            given.stop_if_problems()
        except SuiteError as error:
            raise UserError(str(error)) from None
        if document.data is None:
            document.data = {}
        for place in _places(document.data, location, told):
            _assign(document.data, place, copy.deepcopy(given.data), told)
            for known in [k for k in document.lines if k[: len(place)] == place]:
                del document.lines[known]
            document.lines[place] = 0  # not a place in the file


def _location(path: str) -> Location:
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            return ()
        number = _EVERY if match[2] == "*" else match[2]
        steps.append(match[1] if match[1] is not None else int(number))
        position = match.end()
    return tuple(steps)


def _places(data: Any, location: Location, setting: str) -> list[Location]:
    """The places that a path stands for; ``[*]`` in it is every item of a list."""
    if _EVERY not in location:
        return [location]
    depth = location.index(_EVERY)
    try:
        items = functools.reduce(operator.getitem, location[:depth], data)
    except (KeyError, IndexError, TypeError):
        items = None
    before, after = location[:depth], location[depth + 1 :]
    if not isinstance(items, list) or not items:
        raise UserError(f"--set {setting}: {pretty(before) or 'the suite'} has no items")
    found = (_places(data, (*before, i, *after), setting) for i in range(len(items)))
    return [place for places in found for place in places]


def _assign(data: Any, location: Location, value: Any, setting: str) -> None:
    for depth, step in enumerate(location):
        here = pretty(location[:depth]) or "the suite"
        last = depth == len(location) - 1
        if isinstance(step, int):
            if not isinstance(data, list) or step >= len(data):
                raise UserError(f"--set {setting}: {here} has no item [{step}]")
        elif not isinstance(data, dict):
            raise UserError(f"--set {setting}: {here} is not a mapping, so it has no {step!r}")
        elif not last:
            data.setdefault(step, {})
        if last:
            data[step] = value
        else:
            data = data[step]
