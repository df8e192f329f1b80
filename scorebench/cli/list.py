"""``scorebench list``: what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scorebench.errors import UserError, did_you_mean
from scorebench.plugin.component import KINDS, Kind
from scorebench.plugin.host import host_for


def list_components(
    kind: Annotated[
        str | None, typer.Argument(help=f"One of {', '.join(KINDS)}; all unless given.")
    ] = None,
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A plugin file or folder.")
    ] = None,
) -> None:
    """List the installed components, one line each."""
    wanted = KINDS if kind is None else (parse_kind(kind),)
    host = host_for(plugins or [])
    for each in wanted:
        found = host.components(each)
        typer.echo(f"{each} ({len(found)})")
        width = max(map(len, found), default=0)
        for name, installed in found.items():
            distant = "" if installed.origin.startswith("shipped ") else f"  [{installed.origin}]"
            typer.echo(f"  {name:<{width}}  {installed.component.summary}{distant}".rstrip())
    for broken in host.broken:
        typer.echo(f"broken: {broken}", err=True)


def parse_kind(text: str) -> Kind:
    """A kind of component, also in the plural or with hyphens.

    Raises:
        UserError: there is no such kind.
    """
    plain = text.lower().replace("-", "_")
    for kind in KINDS:
        if plain in (kind, f"{kind}s"):
            return kind
    raise UserError(f"unknown kind {text!r}{did_you_mean(plain, KINDS)}")
