"""The interface of an engine, and the engines there are."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from scorebench.errors import UserError, did_you_mean
from scorebench.running.cell import Cell, Result
from scorebench.running.workbench import Workbench

ENGINES = ("inline", "local", "ray")


class Engine(Protocol):
    """Runs cells in any order and yields each with its result as it ends.

    A cell's failure is its result; only KeyboardInterrupt leaves an engine, and a UserError where
    it can't run at all.
    """

    def workers(self, bench: Workbench) -> int:
        """How many cells it runs at a time, as far as is known before it does."""
        ...

    def device_type(self, bench: Workbench) -> str:
        """The kind of device that cells run on, e.g. ``cuda``; the driver's may be another."""
        ...

    def run(
        self, bench: Workbench, cells: Sequence[Cell]
    ) -> Generator[tuple[Cell, Result], None, None]:
        """Run all cells; ``bench`` is the driver's, and other processes make their own."""
        ...

    def close(self) -> None:
        """Let go of what it holds, e.g. a connection to a cluster."""
        ...


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Which engine runs cells, and how.

    Attributes:
        name: ``local``, ``ray`` or ``inline``.
        workers: how many processes, where there are several.
        address: of the Ray cluster.
        debug: whether to stop in the debugger where a cell fails.
    """

    name: str = "local"
    workers: int | None = None
    address: str | None = None
    debug: bool = False


def make_engine(options: EngineOptions, device: str = "auto") -> Engine:
    """An engine.

    Args:
        options: which, and how it is to be.
        device: the device that the user asked for; other machines may have others than this.

    Raises:
        UserError: there is none of that name, or it takes no such option.
    """
    name = options.name
    if name not in ENGINES:
        raise UserError(f"unknown engine {name!r}{did_you_mean(name, ENGINES)}")
    if options.debug and name != "inline":
        raise UserError(f"--pdb needs --engine inline; {name} runs cells in other processes")
    if options.workers is not None and name == "inline":
        raise UserError("--workers needs --engine local or ray; inline has no workers")
    if options.workers is not None and options.workers < 1:
        raise UserError(f"--workers {options.workers}: at least 1 is needed")
    if options.address is not None and name != "ray":
        raise UserError(f"--ray-address needs --engine ray, not {name}")
    if name == "ray" and device not in ("auto", "cpu", "cuda"):
        raise UserError(f"--device {device}: with --engine ray it is auto, cpu or cuda")
    if name == "inline":
        from scorebench.engine.inline import InlineEngine

        return InlineEngine(debug=options.debug)
    if name == "local":
        from scorebench.engine.local import LocalEngine

        return LocalEngine(options.workers)
    from scorebench.engine.ray_cluster import RayEngine

    return RayEngine(workers=options.workers, address=options.address, gpus=device != "cpu")
