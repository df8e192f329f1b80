"""``scorebench train CONFIG``: learn a score model, and go on where it was stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scorebench.errors import DivergenceError

if TYPE_CHECKING:
    from scorebench.train import Training


SAY = 20.0  # seconds between lines where output isn't a terminal's


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A training config.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a value, e.g. steps=100 or network.width=64."),
    ] = None,
    plugins: Annotated[
        list[Path] | None, typer.Option("--plugins", help="A plugin file or folder.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Checkpoint folder; checkpoints/<name> unless given.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    restart: Annotated[
        bool, typer.Option("--restart", help="Discard what the checkpoint folder holds.")
    ] = False,
) -> None:
    """Train a score model; what was stopped goes on from its last checkpoint."""
    from scorebench.running.context import Context
    from scorebench.running.environment import choose_device
    from scorebench.train import Training, load_config

    loaded = load_config(config, settings=settings or [], plugins=plugins or [])
    for broken in loaded.host.broken:
        typer.echo(f"warning: {broken}", err=True)
    folder = checkpoint or Path("checkpoints") / loaded.file.name
    training = Training(loaded, folder, Context(device=choose_device(device)))
    if restart:
        training.restart()
    _show_plan(training)
    try:
        _run(training)
    except DivergenceError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; the same command goes on from here", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"checkpoint in {folder}; use it in a suite: {{name: ncsn, checkpoint: {folder}}}")


def _show_plan(training: Training) -> None:
    name, done = training.config.file.name, training.done
    told = f"{done:,} of them done" if done else "from the start"
    typer.echo(f"{name}: {training.steps:,} steps, {told}, on {training.context.device}")


def _run(training: Training) -> None:
    from rich.console import Console

    from scorebench.cli.progress import steps_progress

    console = Console(highlight=False)
    said = time.monotonic()
    with steps_progress(console) as progress:
        task = progress.add_task(
            training.config.file.name, total=training.steps, completed=training.done, how=""
        )

        def report(done: int, how: str) -> None:
            nonlocal said
            progress.update(task, completed=done, how=how)
            if not console.is_terminal and time.monotonic() - said > SAY:
                said = time.monotonic()
                typer.echo(f"{done:,} of {training.steps:,} steps, {how}")

        training.run(report)
