"""A training from its config to a checkpoint folder, resumed from wherever it was stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from scorebench.atomic import write_atomically
from scorebench.errors import DivergenceError, UserError
from scorebench.plugin.contracts import Report, quiet
from scorebench.running.cache import digest
from scorebench.running.context import Context
from scorebench.running.fingerprint import modules_digest
from scorebench.running.sampling import check_sigmas
from scorebench.suite.yaml import dump
from scorebench.train import checkpoint
from scorebench.train.checkpoint import About, load_checkpoint, read_about, read_tensors
from scorebench.train.config import TrainingConfig
from scorebench.train.criteria import DSM, EDM, Batch
from scorebench.train.history import History
from scorebench.train.noise_levels import Listed, LogNormal, NoiseLevels
from scorebench.train.preconditioning import LearnedField
from scorebench.train.preview import preview
from scorebench.train.trainer import Trainer
from scorebench.train.training_data import TrainingData, load_data

TELL = 0.5  # seconds between reports, each of which waits for the device

# The modules through which every weight passes, besides those of network and objective.
SOURCES = tuple(
    f"scorebench.train.{name}"
    for name in ("noise_levels", "preconditioning", "trainer", "training", "training_data")
)
# Keys of a config that weights don't depend on, or that components stand for.
APART = {"name", "plugins", "checkpoint_every", "preview"} | {
    *("dataset", "target", "schedule", "network", "objective"),
}


class Training:
    """One training, in a folder; a ``Preparation`` of the models that are loaded from there.

    Args:
        config: as ``load_config`` gives it.
        folder: the checkpoint folder.
        context: device and cache; datasets and plugins are the config's.
    """

    def __init__(self, config: TrainingConfig, folder: Path, context: Context) -> None:
        self.config, self.folder = config, folder
        self.context = Context(
            device=context.device,
            default_dataset=None if config.dataset is None else config.dataset.spec,
            host=config.host,
            cache_dir=context.cache_dir,
        )

    @classmethod
    def cached(cls, config: TrainingConfig, context: Context) -> Training:
        """The training in the cache that is known by its key, done or not.

        Raises:
            UserError: what the config names can't be described, e.g. for want of data.
        """
        training = cls(config, Path(), context)
        training.folder = context.cache_dir / "trained" / f"{config.file.name}-{training.key}"
        return training

    @property
    def summary(self) -> str:
        """What is trained, in a few words."""
        settings = ", ".join(self.config.settings)
        return f"train {self.config.file.name}" + (f" with {settings}" if settings else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Training) and other.folder == self.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.config.file.steps

    @property
    def done(self) -> int:
        """Steps done on earlier occasions."""
        if self.is_finished:
            return self.steps
        about = read_about(self.folder / checkpoint.STATE)
        return about.step if about is not None and about.key == self.key else 0

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        about = read_about(self.folder / checkpoint.MODEL)
        ended = about is not None and about.key == self.key and about.step == about.steps
        return ended and not (self.folder / checkpoint.STATE).exists()

    @cached_property
    def key(self) -> str:
        """A digest of everything that decides the weights.

        Raises:
            UserError: what the config names can't be described, e.g. for want of data.
        """
        config, describe = self.config, self.context.describe
        parts = {
            "target": config.target and describe(config.target.component),
            "schedule": config.schedule and describe(config.schedule.component),
            "dataset": config.dataset and self.context.describe_named(config.dataset.spec),
            "network": describe(config.network),
            "criterion": describe(config.criterion),
            "rest": config.file.model_dump(exclude=APART),
            "sources": modules_digest(SOURCES),
        }
        return digest(parts)

    def restart(self) -> None:
        """Forget what the folder holds of this or another training."""
        for name in checkpoint.FILES:
            (self.folder / name).unlink(missing_ok=True)

    def run(self, report: Report = quiet) -> None:
        """Train what is left.

        Raises:
            UserError: config and data don't fit together, the folder holds another training, or
                it can't be written.
            DivergenceError: the loss is no longer finite; the last good checkpoint is kept.
        """
        if self.is_finished:
            return
        self._check_folder()
        levels = self._levels()
        devices = [self.context.device] if self.context.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(self._seed)
            trainer = self._trainer()
            with self._writing():
                write_atomically(self.folder / checkpoint.CONFIG, dump(self.config.data).encode())
            first, table = self._resume(trainer)
            history = History(levels.bins(), self.steps, table, first)
            self._descend(trainer, levels, history, first, report)
        picture = self._picture()
        with self._writing():
            if picture is not None:
                write_atomically(self.folder / checkpoint.SAMPLES, picture)
            (self.folder / checkpoint.STATE).unlink()

    @cached_property
    def _data(self) -> TrainingData:
        return load_data(self.config, self.context)

    @cached_property
    def _sigma_data(self) -> float:
        found = self.config.file.sigma_data or self._data.spread()
        if found == 0:
            raise UserError(f"{self.config.path}: all values of the data are equal")
        return found

    @cached_property
    def _seed(self) -> int:
        named = hashlib.blake2b(f"training/{self.config.file.seed}".encode(), digest_size=8)
        return int.from_bytes(named.digest()) // 4

    def _levels(self) -> NoiseLevels:
        config, context = self.config, self.context
        if isinstance(config.criterion, EDM):
            how = config.criterion
            return LogNormal(how.mean, how.std, context.device, context.dtype)
        assert config.schedule is not None
        sigmas = config.schedule.component.sigmas(context)
        told = None
        try:
            check_sigmas(sigmas)
        except UserError as error:
            told = str(error)
        if told is None and isinstance(config.criterion, DSM) and len(sigmas) > 1:
            told = f"dsm takes a single noise level, not {len(sigmas)}; see ncsn"
        if told is None and sigmas[-1] == 0 and config.criterion.regresses_on_noise:
            told = "at σ = 0 there is no noise to learn from; see implicit and sliced"
        if told is None and sigmas[-1] == 0 and config.file.preconditioning != "none":
            told = "σ = 0 needs preconditioning: none"
        if told is not None:
            assert config.schedule is not None
            raise UserError(f"{config.path}: schedule {config.schedule.name}: {told}")
        return Listed(sigmas.to(context.device, context.dtype))

    def _trainer(self) -> Trainer:
        file = self.config.file
        try:
            network = self.config.network.build(self._data.event_shape)
        except ValueError as error:
            raise UserError(f"{self.config.path}: network: {error}") from None
        field = LearnedField(network, file.preconditioning, file.parametrisation, self._sigma_data)
        return Trainer(field.to(self.context.device), self.config.criterion, file)

    def _check_folder(self) -> None:
        for name in (checkpoint.STATE, checkpoint.MODEL):
            about = read_about(self.folder / name)
            if about is not None and about.key != self.key:
                raise UserError(
                    f"{self.folder} holds another training, of other data, by another config or "
                    "version of scorebench; choose another folder, or start it afresh"
                )

    def _resume(self, trainer: Trainer) -> tuple[int, pd.DataFrame | None]:
        """Take up the last checkpoint; how many steps it has, and their losses."""
        state = self.folder / checkpoint.STATE
        if not state.exists():
            return 0, None
        tensors, about = read_tensors(state)
        try:
            trainer.go_on_from(tensors)
            table = pd.read_parquet(self.folder / checkpoint.HISTORY)
        except (RuntimeError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{self.folder} can't be resumed, start it afresh: {reason}") from None
        return about.step, table

    def _descend(
        self, trainer: Trainer, levels: NoiseLevels, history: History, first: int, report: Report
    ) -> None:
        data, every, told, done = self._data, self.config.file.checkpoint_every, 0.0, first
        try:
            for step in range(first, self.steps):
                batch = self._batch(step, data, levels)
                history.add(trainer.step(step, batch), batch.sigma)
                done = step + 1
                if time.monotonic() - told > TELL:
                    report(done, f"loss {history.fetch():.4g}")
                    told = time.monotonic()
                if done % every == 0 or done == self.steps:
                    self._keep(trainer, history, done)
        except KeyboardInterrupt:
            self._keep(trainer, history, done)
            raise
        except DivergenceError as error:
            kept = read_about(self.folder / checkpoint.STATE)
            told_kept = f"the checkpoint of step {kept.step:,} is kept" if kept else "none was kept"
            raise DivergenceError(
                f"{self.config.path}: {error}; {told_kept} in {self.folder}; try a smaller "
                "optimiser.learning_rate, or optimiser.clip"
            ) from None

    def _batch(self, step: int, data: TrainingData, levels: NoiseLevels) -> Batch:
        """A step's batch; all the randomness of a step comes from the seed and its number."""
        torch.manual_seed(self._seed + 1 + step)
        x0 = data.draw(self.config.file.batch_size)
        return Batch(x0, levels.draw(len(x0)), torch.randn_like(x0), data.target)

    def _keep(self, trainer: Trainer, history: History, step: int) -> None:
        """Write a checkpoint; the state last, as it is what a later occasion goes by."""
        history.fetch()
        if not trainer.is_finite():
            raise DivergenceError(f"the weights are not finite after step {step:,}")
        about = About(
            event_shape=self._data.event_shape,
            value_range=self._data.value_range,
            sigma_data=self._sigma_data,
            step=step,
            steps=self.steps,
            key=self.key,
        )
        dtype = getattr(torch, self.config.file.weights)
        weights: dict[str, Tensor] = trainer.average.network.state_dict()
        narrow = {name: tensor.to(dtype) for name, tensor in weights.items()}
        with self._writing():
            write_atomically(self.folder / checkpoint.HISTORY, history.parquet())
            checkpoint.write_tensors(self.folder / checkpoint.MODEL, narrow, about)
            checkpoint.write_tensors(self.folder / checkpoint.STATE, trainer.tensors(), about)

    def _picture(self) -> bytes | None:
        """Samples, unless the training has one level and the config names no schedule."""
        config = self.config
        schedule = config.preview_schedule or config.schedule
        assert schedule is not None
        sigmas = schedule.component.sigmas(self.context)
        if config.preview_schedule is None and len(sigmas) == 1:
            return None
        model = load_checkpoint(self.folder, device=self.context.device)
        sampler, count = config.preview_sampler.component, config.file.preview.samples
        return preview(model, sampler, sigmas, count, config.file.seed)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"{self.folder} can't be written: {error.strerror}; what was kept is still there, "
                "and the same command goes on from it"
            ) from error
