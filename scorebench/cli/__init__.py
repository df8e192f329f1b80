"""The command line. Each command has a file of its own and imports what it needs when it runs."""

from __future__ import annotations

import os
import sys

import typer

from scorebench.cli.check import check
from scorebench.cli.doctor import doctor
from scorebench.cli.levels import levels
from scorebench.cli.list import list_components
from scorebench.cli.new import new
from scorebench.cli.output import tolerant
from scorebench.cli.report import report
from scorebench.cli.rerun import rerun
from scorebench.cli.run import run
from scorebench.cli.show import show
from scorebench.cli.status import status
from scorebench.cli.train import train
from scorebench.errors import PluginError, UserError
from scorebench.report.numbers import printable

app = typer.Typer(
    name="scorebench",
    help="Benchmark samplers of score-based generative models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run)
app.command("status")(status)
app.command("rerun")(rerun)
app.command("report")(report)
app.command("list")(list_components)
app.command("show")(show)
app.command("levels")(levels)
app.command("check")(check)
app.command("new")(new)
app.command("train")(train)
app.command("doctor")(doctor)


@app.callback(invoke_without_command=True)
def version(
    show_version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Benchmark samplers of score-based generative models."""
    if show_version:
        import scorebench

        typer.echo(f"scorebench {scorebench.__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a user's mistake ends in one clear line each and exit code 2."""
    # Read when torch loads its thread pool. By default idle threads spin for milliseconds, which
    # makes sweeps of small models many times slower where other work wants the processors.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    sys.stdout, sys.stderr = tolerant(sys.stdout), tolerant(sys.stderr)
    try:
        app()
    except (UserError, PluginError) as error:
        for line in str(error).splitlines():
            typer.echo(f"error: {printable(line)}", err=True)  # it may quote a file's words
        sys.exit(2)
