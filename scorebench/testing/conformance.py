"""Running the checks of a kind: one by one, or as pytest cases."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorebench.errors import ScorebenchError
from scorebench.plugin.component import Kind
from scorebench.plugin.host import host_for
from scorebench.plugin.importing import in_one_line
from scorebench.plugin.parameters import brief
from scorebench.testing.outcome import Check, Outcome

if TYPE_CHECKING:
    from scorebench.running.context import Context


def run_checks(kind: Kind, component: Any, *, context: Context | None = None) -> Iterator[Outcome]:
    """Try a component, check by check; one that raises has failed.

    Args:
        kind: e.g. ``"sampler"``.
        component: as ``scorebench.build`` gives it.
        context: what it is tried in; float64 on the CPU unless given.
    """
    from scorebench.running.context import Context

    context = context or Context(dtype="float64")
    for check in checks_of(kind):
        try:
            yield check(component, context)
        except ScorebenchError as error:
            yield Outcome(_name(check), False, " ".join(str(error).split()))
        except (Exception, SystemExit) as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}, line {last.lineno}"
            yield Outcome(_name(check), False, f"raised {in_one_line(error)} ({place})")


def checks_of(kind: Kind) -> tuple[Check, ...]:
    """The checks of a kind of component, each a function of a component and a context."""
    checks: tuple[Check, ...] = importlib.import_module(f"scorebench.testing.{kind}s").CHECKS
    return checks


def settings(cls: type) -> Sequence[Mapping[str, Any]]:
    """The parameter sets with which a component's class asks to be tried.

    They are its class attribute ``examples``; its defaults where there is none. No example at all
    says that it can't be tried unless it is told with what.
    """
    examples: Sequence[Mapping[str, Any]] = getattr(cls, "examples", ({},))
    return examples


def describe(parameters: Mapping[str, Any]) -> str:
    """A parameter set in one short line, e.g. ``s_churn=3 denoise=False``."""
    told = {n: v if isinstance(v, str) else brief(v) for n, v in parameters.items()}
    return " ".join(f"{name}={text.replace(', ', ',')}" for name, text in told.items())


def conformance(
    kind: Kind,
    name: str | None = None,
    *,
    plugins: Sequence[str | Path] = (),
    parameters: Sequence[Mapping[str, Any]] | None = None,
) -> Callable[..., None]:
    """A pytest test of a component, or of every installed component of a kind.

    ``test_mine = scorebench.testing.conformance("sampler", "mine", plugins=["mine.py"])`` makes
    one case for each component, parameter set and check. Components are looked up when tests are
    collected, but built and loaded only in their tests.

    Args:
        kind: e.g. ``"sampler"``.
        name: the component; all that are installed, and those of ``plugins``, unless given.
        plugins: plugin files or folders, relative to the directory pytest is started in.
        parameters: what to try instead of the class's ``examples``.

    Raises:
        UserError: there is no such component or file.
        PluginError: a component's class breaks its contract.
    """
    import pytest

    host = host_for(Path(path) for path in plugins)
    cases = [
        pytest.param(each, values, check, id=_case(each, values, check))
        for each in ([name] if name is not None else host.components(kind))
        for values in (settings(host.find(kind, each)) if parameters is None else parameters)
        for check in checks_of(kind)
    ]

    def test(component: str, values: Mapping[str, Any], check: Check) -> None:
        from scorebench.running.context import Context

        context = Context(dtype="float64", host=host)
        outcome = check(host.build(kind, component, values), context)
        assert outcome.passed is not False, f"{outcome.check}: {outcome.message}"

    cases_of = pytest.mark.parametrize(("component", "values", "check"), cases)
    with_cases: Callable[..., None] = cases_of(test)
    return with_cases


def _name(check: Check) -> str:
    return check.__name__.replace("_", " ")


def _case(component: str, values: Mapping[str, Any], check: Check) -> str:
    parts = filter(None, (component, describe(values), _name(check)))
    return "-".join("-".join(parts).split())
