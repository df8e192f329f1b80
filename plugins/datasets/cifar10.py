"""CIFAR-10, from a copy or downloaded."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from scorebench import Data, Dataset, UserError

from .image_folder import ImageFolder

if TYPE_CHECKING:
    from scorebench import Context

BATCHES = "cifar-10-batches-py"
COPY = "dataset: {name: cifar10, path: ...}"


@dataclass(frozen=True, kw_only=True)
class Cifar10(Dataset):
    """CIFAR-10: 60,000 photographs of 32×32 pixels in ten classes (Krizhevsky 2009).

    Classes are numbered in alphabetical order, airplane 0 to truck 9.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()  # none without files

    split: Literal["train", "test"] = "train"
    """50,000 or 10,000 images."""

    path: Path | None = None
    """A copy: the folder "cifar-10-batches-py" or the one it is in, or a folder or zip of images
    in train/<class>/ and test/<class>/. None: the cache folder, into which CIFAR-10 is downloaded
    (170 MB) when it isn't there. A copy made of JPEG files has other pixels than the original, so
    its FIDs can't be compared with published ones."""

    def load(self, context: Context) -> Data:
        """Images uint8 ``[N, 3, 32, 32]`` in 0..255 and labels int64 ``[N]``.

        Raises:
            UserError: there is no copy and no network, the copy is damaged or not of CIFAR-10.
        """
        if self.path is None:
            if not (context.cache_dir / BATCHES).exists():
                _download(context.cache_dir)
            return self._original(context.cache_dir)
        if self.path.name == BATCHES:
            return self._original(self.path.parent)
        if (self.path / BATCHES).exists():
            return self._original(self.path)
        images = ImageFolder(path=self.path, split=self.split).load(context)
        if images.event_shape != (3, 32, 32) or images.labels is None:
            raise UserError(
                f"{self.path} isn't a copy of CIFAR-10: expected images of 32×32 pixels in "
                f"{self.split}/<class>/"
            )
        return images

    def _original(self, folder: Path) -> Data:
        import torch
        from torchvision.datasets import CIFAR10

        try:
            # The batches are pickles. CIFAR10 compares every file's MD5 sum with the published one
            # and raises RuntimeError before it unpickles any that differs.
            batches = CIFAR10(folder, train=self.split == "train")
        except (RuntimeError, OSError) as error:
            raise UserError(
                f"{folder / BATCHES} is incomplete or not the original; remove it, then download "
                f"it again or name a copy: {COPY}"
            ) from error
        return Data(
            x=torch.from_numpy(batches.data).permute(0, 3, 1, 2).contiguous(),
            labels=torch.tensor(batches.targets),
            value_range=(0, 255),
        )


def _download(folder: Path) -> None:
    """Download CIFAR-10 into a folder; one that appears there is complete."""
    from torchvision.datasets import CIFAR10

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".cifar10.") as scratch:
            CIFAR10(scratch, download=True)
            (Path(scratch) / BATCHES).rename(folder / BATCHES)
    except (OSError, RuntimeError, EOFError) as error:
        if (folder / BATCHES).exists():  # another process was faster
            return
        raise UserError(
            f"CIFAR-10 can't be downloaded into {folder} ({error}); name a copy: {COPY}"
        ) from error
