"""``scorebench show KIND NAME``: one component, its parameters, what it says of itself."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated

import typer

from scorebench.cli.list import parse_kind
from scorebench.plugin.host import host_for
from scorebench.plugin.parameters import REQUIRED, parameters_of


def show(
    kind: Annotated[str, typer.Argument(help="The kind, e.g. sampler.")],
    name: Annotated[str, typer.Argument(help="The component's name.")],
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A plugin file or folder.")
    ] = None,
) -> None:
    """Show a component's parameters and documentation."""
    host = host_for(plugins or [])
    parsed = parse_kind(kind)
    cls = host.find(parsed, name)
    origin = host.components(parsed)[name].origin
    typer.echo(f"{parsed} {name}  (plugin {origin})\n")
    typer.echo(inspect.getdoc(cls) or "")
    parameters = parameters_of(cls)
    typer.echo("\nparameters:" if parameters else "\nno parameters")
    for parameter in parameters.values():
        required = parameter.default is REQUIRED
        default = "required" if required else f"default {parameter.default!r}"
        typer.echo(f"  {parameter.name}: {parameter.type}  ({default})")
        for line in parameter.doc.splitlines():
            typer.echo(f"      {line}")
