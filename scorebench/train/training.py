"""A training from its config to a checkpoint folder, resumed from wherever it was stopped."""

from __future__ import annotations

import hashlib
import time
import warnings
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from scorebench.errors import DivergenceError, UserError
from scorebench.plugin.contracts import Report, quiet
from scorebench.running.cache import digest
from scorebench.running.context import Context
from scorebench.running.fingerprint import modules_digest
from scorebench.suite.yaml import dump
from scorebench.train.checkpoint import About, load_checkpoint
from scorebench.train.config import TrainingConfig
from scorebench.train.config_levels import preview_levels, training_levels
from scorebench.train.criteria import Batch
from scorebench.train.folder import CheckpointFolder
from scorebench.train.history import History
from scorebench.train.interrupts import interrupts_held
from scorebench.train.noise_levels import NoiseLevels
from scorebench.train.preconditioning import LearnedField
from scorebench.train.preview import preview
from scorebench.train.reseeding import reseed
from scorebench.train.trainer import Trainer
from scorebench.train.training_data import TrainingData, load_data

TELL = 0.5  # seconds between reports, each of which waits for the device

# The modules through which every weight passes, besides those of network and objective.
SOURCES = (
    "scorebench.train.config_levels",
    "scorebench.train.noise_levels",
    "scorebench.train.preconditioning",
    "scorebench.train.reseeding",
    "scorebench.train.trainer",
    "scorebench.train.training",
    "scorebench.train.training_data",
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
        self.config, self.folder, self._afresh = config, folder, False
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
        return 0 if self._afresh else self._kept.step

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return not self._afresh and self._kept.is_finished

    @property
    def _kept(self) -> CheckpointFolder:
        return CheckpointFolder(self.folder, self.key)

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
        """Make the next run discard what the folder holds, once it is sure that it can begin."""
        self._afresh = True

    def run(self, report: Report = quiet) -> None:
        """Train what is left, or wait for another process that does.

        Raises:
            UserError: config and data don't fit together, or the memory; the folder holds another
                training, or can't be written.
            DivergenceError: the loss is no longer finite; the last good checkpoint is kept.
            KeyboardInterrupt: Ctrl-C; what was done is kept.
        """
        if self.is_finished:
            return
        try:
            self._run(report)
        except RuntimeError as error:
            full = isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
            if not full:
                raise
            raise UserError(
                f"{self.config.path}: out of memory; try a smaller batch_size or network"
            ) from error

    def _run(self, report: Report) -> None:
        kept, text = self._kept, dump(self.config.data).encode()
        if self._afresh:
            kept.check_config(self.config.path)
        else:
            kept.check(self.config.path, text)
        levels = training_levels(self.config, self.context)
        shown = preview_levels(self.config, self.context)
        devices = [self.context.device] if self.context.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            reseed(self.context.device, self._seed)
            trainer = self._trainer()
            with kept.alone(lambda: report(kept.step, "waiting for another process")):
                if self.is_finished:  # by that process
                    return
                if self._afresh:
                    kept.clear()
                    self._afresh = False
                kept.begin(text)
                first, table = kept.resume(trainer.go_on_from)
                history = History(levels.bins(), self.steps, table, first)
                self._descend(trainer, levels, history, first, report)
                kept.finish()
        if shown is not None:
            self._show(shown)

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

    def _trainer(self) -> Trainer:
        file = self.config.file
        try:
            network = self.config.network.build(self._data.event_shape)
        except ValueError as error:
            raise UserError(f"{self.config.path}: network: {error}") from None
        field = LearnedField(network, file.preconditioning, file.parametrisation, self._sigma_data)
        field = field.to(self.context.device, self.context.dtype)
        return Trainer(field, self.config.criterion, file)

    def _descend(
        self, trainer: Trainer, levels: NoiseLevels, history: History, first: int, report: Report
    ) -> None:
        data, every, told = self._data, self.config.file.checkpoint_every, 0.0
        try:
            with interrupts_held() as interrupted:
                for step in range(first, self.steps):
                    batch = self._batch(step, data, levels)
                    history.add(trainer.step(step, batch), batch.sigma)
                    done = step + 1
                    if time.monotonic() - told > TELL:
                        report(done, f"loss {history.fetch():.4g}")
                        told = time.monotonic()
                    stop = interrupted()
                    if done % every == 0 or done == self.steps or stop:
                        history.fetch()
                        if not trainer.is_sound(self._batch(done, data, levels)):
                            raise DivergenceError(f"scores are not finite at step {done:,}")
                        self._keep(trainer, history, done)
                    if stop:
                        raise KeyboardInterrupt
        except DivergenceError as error:
            step = self._kept.step
            told_kept = f"the checkpoint of step {step:,} is kept" if step else "none was kept"
            raise DivergenceError(
                f"{self.config.path}: {error}; {told_kept} in {self.folder}; try a smaller "
                "optimiser.learning_rate, or optimiser.clip"
            ) from None

    def _batch(self, step: int, data: TrainingData, levels: NoiseLevels) -> Batch:
        """A step's batch; all the randomness of a step comes from the seed and its number."""
        reseed(self.context.device, self._seed + 1 + step)
        x0 = data.draw(self.config.file.batch_size)
        return Batch(x0, levels.draw(len(x0)), torch.randn_like(x0), data.target)

    def _keep(self, trainer: Trainer, history: History, step: int) -> None:
        about = About(
            event_shape=self._data.event_shape,
            value_range=self._data.value_range,
            sigma_data=self._sigma_data,
            step=step,
            steps=self.steps,
            key=self.key,
        )
        kind = self.config.file.weights
        weights: dict[str, Tensor] = trainer.average.network.state_dict()
        narrow = {name: tensor.to(getattr(torch, kind)) for name, tensor in weights.items()}
        if not all(bool(tensor.isfinite().all()) for tensor in narrow.values()):
            raise DivergenceError(f"weights are too large for {kind} at step {step:,}")
        self._kept.keep(about, history.parquet(), narrow, trainer.tensors())

    def _show(self, sigmas: Tensor) -> None:
        """Draw the preview. The weights are good whatever becomes of it."""
        file, sampler = self.config.file, self.config.preview_sampler.component
        model = load_checkpoint(self.folder, device=self.context.device)
        try:
            picture = preview(model, sampler, sigmas, file.preview.samples, file.seed)
        except Exception as error:
            told = f"{self.config.path}: trained, but the preview can't be drawn: {error}"
            warnings.warn(told, stacklevel=2)
        else:
            if picture is not None:
                self._kept.show(picture)
