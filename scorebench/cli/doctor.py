"""``scorebench doctor``: what this machine can run, what is missing and what is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def doctor(
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A plugin file or folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Tell what this machine can run, what is missing and what is broken."""
    import json

    from scorebench.doctor import examine
    from scorebench.report.numbers import printable

    found = examine(plugins or [])
    if as_json:
        told = {
            subject: [{"name": f.name, "state": f.state, "text": f.text, **f.facts} for f in its]
            for subject, its in found.items()
        }
        typer.echo(json.dumps(told, indent=2))
    else:
        for subject, its in found.items():
            typer.echo(subject)
            width = max((len(f.name) for f in its), default=0)
            for f in its:
                state = "" if f.state == "ok" else f"{f.state}: "
                typer.echo(printable(f"  {f.name:<{width}}  {state}{f.text}"))
    broken = sum(f.state == "broken" for its in found.values() for f in its)
    if broken:
        typer.echo(f"broken: {broken}, see above", err=True)
        raise typer.Exit(1)
