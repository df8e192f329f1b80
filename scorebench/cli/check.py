"""``scorebench check KIND NAME``: a component against the laws of its kind."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from scorebench.cli.list import parse_kind
from scorebench.errors import UserError
from scorebench.plugin.component import ComponentSpec
from scorebench.plugin.host import host_for


def check(
    kind: Annotated[str, typer.Argument(help="The kind, e.g. sampler.")],
    name: Annotated[str, typer.Argument(help="The component's name.")],
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter, e.g. s_churn=3; else its examples are tried."),
    ] = None,
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A plugin file or folder.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="For a component that is fitted to the suite's dataset.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "cpu",
    dtype: Annotated[str, typer.Option(help="What models compute in.")] = "float64",
) -> None:
    """Check that a component keeps the laws of its kind."""
    host, parsed = host_for(plugins or []), parse_kind(kind)
    cls = host.find(parsed, name)

    from scorebench.running.context import Context
    from scorebench.running.environment import choose_device
    from scorebench.testing.conformance import describe, run_checks, settings

    context = Context(
        device=choose_device(device),
        dtype=dtype,
        default_dataset=None if dataset is None else ComponentSpec(dataset),
        host=host,
    )
    tried = settings(cls)
    if given:
        tried = [_merged(tried[0] if tried else {}, given)]
    if not tried:
        raise UserError(f"{name} needs parameters to be tried with, e.g. --set path=...")
    marks = _marks()
    results = []
    for component, values in [(host.build(parsed, name, values), values) for values in tried]:
        typer.echo(f"{name} {describe(values)}".rstrip())
        for outcome in run_checks(parsed, component, context=context):
            typer.echo(f"  {marks[outcome.passed]} {outcome.check}: {outcome.message}")
            results.append(outcome.passed)
    failed = results.count(False)
    typer.echo(f"{results.count(True)} passed, {failed} failed, {results.count(None)} not asserted")
    if failed:
        raise typer.Exit(1)


def _merged(example: Mapping[str, Any], given: list[str]) -> dict[str, Any]:
    """An example with some parameters set as those of a suite are."""
    from scorebench.suite.overrides import apply
    from scorebench.suite.yaml import Document

    document = Document(copy.deepcopy(dict(example)), "--set")
    apply(document, given)
    return dict(document.data)


def _marks() -> dict[bool | None, str]:
    """What outcomes are marked with, in letters that the terminal knows."""
    try:
        "✓✗·".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return {True: "+", False: "x", None: "-"}
    return {True: "✓", False: "✗", None: "·"}
