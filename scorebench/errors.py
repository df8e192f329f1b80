"""Every exception scorebench raises on purpose.

* ScorebenchError
  + UserError                 the user's mistake: one clear line, exit code 2
    - SuiteError              one or more mistakes in a suite file, each with its line
    - UnknownComponentError   no component of that kind and name
    - ParameterError          a component doesn't take that parameter or value
  + PluginError               a plugin that breaks the rules, named with its origin
  + DivergenceError           a sampler's state is no longer finite
  + TimeLimitError            a cell has used up its time
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class ScorebenchError(Exception):
    """Base class of every exception scorebench raises on purpose."""


class UserError(ScorebenchError):
    """The user's mistake, told in one line that says what, where and how to mend it."""


class SuiteError(UserError):
    """Mistakes in a suite file. ``problems`` holds one line for each of them."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class UnknownComponentError(UserError):
    """No component of that kind and name is installed."""


class ParameterError(UserError):
    """A component doesn't take that parameter or that value."""


class PluginError(ScorebenchError):
    """A plugin that breaks the rules; the message names it and its origin."""


class DivergenceError(ScorebenchError):
    """A sampler's state holds values that are not finite."""


class TimeLimitError(ScorebenchError):
    """A cell has used up the time that ``limits.timeout`` gives it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suffix that suggests the nearest known word, or lists them all when none is near."""
    known = sorted(known)
    if not known:
        return ""
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
