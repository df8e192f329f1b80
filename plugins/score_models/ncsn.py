"""A noise-conditional score network that ``scorebench train`` has trained, or is to train."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scorebench import Weights

if TYPE_CHECKING:
    from scorebench import Context, ScoreModel
    from scorebench.train import Training, TrainingConfig

SHIPPED = Path(__file__).with_name("digits_ncsn")


@dataclass(frozen=True, kw_only=True)
class NCSN:
    """A network that estimates the score at every noise level (Song & Ermon 2019).

    Either a checkpoint folder, or a training config: what that says is learned once, before the
    first cell of a run, and kept in the cache under a digest of everything it depends on.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({},)

    checkpoint: Path | None = None
    """A folder that scorebench train has written; where neither this nor a config is given, the
    one that is shipped, trained on the "train" split of digits by configs/digits_ncsn.yaml."""
    unfinished: bool = False
    """Whether a checkpoint may be of a training that hasn't ended."""
    train: Path | None = None
    """A training config, instead of a checkpoint."""
    set_: list[str] = field(default_factory=list)
    """Values to override in the training config, e.g. [schedule.sigma=0.1, steps=500]."""

    def __post_init__(self) -> None:
        if self.train is not None and self.checkpoint is not None:
            raise ValueError("give a checkpoint or a config to train by, not both")
        if self.set_ and self.train is None:
            raise ValueError("set overrides values of a config: give train as well")

    @classmethod
    def default_weights(cls, context: Context) -> Iterable[Weights]:
        """The shipped checkpoint."""
        path = SHIPPED if any(SHIPPED.glob("*.safetensors")) else None
        yield Weights(name=SHIPPED.name, path=path, how="install scorebench again, it has them")

    def identity(self, context: Context) -> str | None:
        """What a training's weights depend on, or the content of the shipped checkpoint.

        Raises:
            UserError: the config is wrong, or its data can't be had.
        """
        if training := self._training(context):
            return training.key
        if self.checkpoint is not None:
            return None  # counts by its content already
        shipped = b"".join(path.read_bytes() for path in sorted(SHIPPED.iterdir()))
        return hashlib.blake2b(shipped, digest_size=16).hexdigest()

    def preparation(self, context: Context) -> Training | None:
        """The training, if it hasn't been done."""
        training = self._training(context)
        return None if training is None or training.is_finished else training

    def load(self, context: Context) -> ScoreModel:
        """The model, trained first if need be.

        Raises:
            UserError: the checkpoint or config can't be used.
            DivergenceError: the training's loss is no longer finite.
        """
        from scorebench.train import load_checkpoint

        training = self._training(context)
        if training is not None:
            training.run()
        folder = (self.checkpoint or SHIPPED) if training is None else training.folder
        return load_checkpoint(
            folder, device=context.device, dtype=context.dtype, unfinished=self.unfinished
        )

    def _training(self, context: Context) -> Training | None:
        from scorebench.train import Training

        return None if self._config is None else Training.cached(self._config, context)

    @cached_property
    def _config(self) -> TrainingConfig | None:
        """Read once: a config that is edited during a run must not change what is trained."""
        from scorebench.train import load_config

        return None if self.train is None else load_config(self.train, settings=self.set_)
