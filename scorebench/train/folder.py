"""A checkpoint folder while it is trained in: by one process at a time, whole at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from torch import Tensor

from scorebench.atomic import write_atomically
from scorebench.errors import UserError
from scorebench.lock import LOCK, BusyError, locked
from scorebench.train.checkpoint import (
    CONFIG,
    HISTORY,
    MODEL,
    SAMPLES,
    STATE,
    About,
    read_about,
    read_tensors,
    write_tensors,
)
from scorebench.train.history import COLUMNS

COMMAND = "scorebench train"
POLL = 0.2  # seconds between looks at a folder that another process trains in


@dataclass(frozen=True)
class CheckpointFolder:
    """Where a training is kept.

    Attributes:
        path: the folder.
        key: of the training; see ``Training.key``.
    """

    path: Path
    key: str

    @property
    def is_finished(self) -> bool:
        """Whether the training has ended."""
        about = read_about(self.path / MODEL)
        ended = about is not None and about.key == self.key and about.step == about.steps
        return ended and not (self.path / STATE).exists()

    @property
    def step(self) -> int:
        """Steps done by the last checkpoint that can be gone on from."""
        about = read_about(self.path / STATE)
        return about.step if about is not None and about.key == self.key else 0

    def check(self, config: Path, text: bytes) -> None:
        """Make sure that nothing is lost by training here, by a config with this text.

        Raises:
            UserError: the folder holds another training, or files that aren't of one.
        """
        for path in (self.path / STATE, self.path / MODEL):
            about = read_about(path)
            if about is None and path.exists():
                raise UserError(
                    f"{path} is damaged, or not by scorebench train; choose another folder, or "
                    "remove it and start afresh (--restart)"
                )
            if about is not None and about.key != self.key:
                raise UserError(
                    f"{self.path} holds another training, of other data, by another config or "
                    "version of scorebench; choose another folder, or start afresh (--restart)"
                )
        self.check_config(config)
        own = self.path / CONFIG
        if not (self.path / MODEL).exists() and own.exists() and own.read_bytes() != text:
            raise UserError(
                f"{own} is another config; choose another folder, or start afresh (--restart)"
            )

    def check_config(self, config: Path) -> None:
        """Raise UserError if the checkpoint's config would overwrite the user's own."""
        own = self.path / CONFIG
        if not (self.path / MODEL).exists() and own.exists() and own.samefile(config):
            raise UserError(f"{own} would be overwritten: choose another folder for the checkpoint")

    def clear(self) -> None:
        """Remove what a training has written, but for its config, which is overwritten."""
        with self.writing():
            for name in (STATE, MODEL, HISTORY, SAMPLES):
                (self.path / name).unlink(missing_ok=True)

    def begin(self, config: bytes) -> None:
        """Write the config, as it is run."""
        with self.writing():
            write_atomically(self.path / CONFIG, config)

    def resume(
        self, go_on: Callable[[Mapping[str, Tensor]], None]
    ) -> tuple[int, pd.DataFrame | None]:
        """Hand the tensors of the last checkpoint on; its steps, and their losses if any.

        Raises:
            UserError: it is damaged.
        """
        if not (self.path / STATE).exists():
            return 0, None
        tensors, about = read_tensors(self.path / STATE)
        try:
            go_on(tensors)
            table = pd.read_parquet(self.path / HISTORY)[list(COLUMNS)].astype(COLUMNS)
        except (RuntimeError, ValueError, LookupError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(
                f"{self.path} can't be resumed, start afresh (--restart): {reason}"
            ) from None
        return about.step, table

    def keep(
        self,
        about: About,
        history: bytes,
        model: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
    ) -> None:
        """Write a checkpoint; the state last, as it is what a later occasion goes by."""
        with self.writing():
            write_atomically(self.path / HISTORY, history)
            write_tensors(self.path / MODEL, model, about)
            write_tensors(self.path / STATE, state, about)

    def finish(self) -> None:
        """Remove what is needed only to go on."""
        with self.writing():
            (self.path / STATE).unlink(missing_ok=True)

    def show(self, picture: bytes) -> None:
        """Write a picture of samples."""
        with self.writing():
            write_atomically(self.path / SAMPLES, picture)

    @contextmanager
    def alone(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Keep other processes from training here; wait for one that does.

        See ``scorebench.lock``.
        """
        with ExitStack() as stack:
            while True:
                try:
                    with self.writing():
                        stack.enter_context(locked(self.path / LOCK, {"command": COMMAND}))
                    break
                except BusyError:
                    waiting()
                    time.sleep(POLL)
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Tell in one line what keeps files from being written."""
        try:
            yield
        except OSError as error:
            kept = "; what was kept is still there, and the same command goes on from it"
            raise UserError(
                f"{self.path} can't be written: {error.strerror}{kept if self.step else ''}"
            ) from error
