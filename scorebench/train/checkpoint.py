"""A checkpoint folder: written so that it is whole at any moment, read without running anything.

``model.safetensors`` holds the averaged weights, ``config.yaml`` the config as run,
``training.parquet`` the losses, ``samples.png`` samples; until the training has ended,
``state.safetensors`` holds what it needs to go on.
"""

from __future__ import annotations

import hashlib
import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from scorebench.atomic import write_atomically
from scorebench.errors import UserError
from scorebench.suite import yaml
from scorebench.train.config import network_of
from scorebench.train.learned_model import LearnedEnergyModel, LearnedModel
from scorebench.train.preconditioning import LearnedField

MODEL = "model.safetensors"
STATE = "state.safetensors"
CONFIG = "config.yaml"
HISTORY = "training.parquet"
SAMPLES = "samples.png"
KINDS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
MOST_VALUES = 2**31  # of one sample
PICKLES = {".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle"}


@dataclass(frozen=True)
class About:
    """What a file of weights says of itself.

    Attributes:
        event_shape, value_range: of the data.
        sigma_data: the data's standard deviation, by which the network's input is scaled.
        step: steps done, of ``steps``.
        key: a digest of everything that decides the weights.
        content: a digest of the weights themselves, filled in when they are written.
    """

    event_shape: tuple[int, ...]
    value_range: tuple[float, float] | None
    sigma_data: float
    step: int
    steps: int
    key: str
    content: str = ""

    def metadata(self) -> dict[str, str]:
        """As words, for a safetensors file."""
        return {"scorebench": json.dumps(vars(self))}

    @classmethod
    def parse(cls, metadata: Mapping[str, str] | None) -> About:
        """From a safetensors file's words.

        Raises:
            ValueError: it isn't a file that ``scorebench train`` has written.
        """
        try:
            found = json.loads((metadata or {})["scorebench"])
            shape, bounds = found["event_shape"], found["value_range"]
            about = cls(
                event_shape=tuple(int(size) for size in shape),
                value_range=None if bounds is None else (float(bounds[0]), float(bounds[1])),
                sigma_data=float(found["sigma_data"]),
                step=int(found["step"]),
                steps=int(found["steps"]),
                key=str(found["key"]),
                content=str(found["content"]),
            )
        except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise ValueError("was not written by scorebench train") from error
        low, high = about.value_range or (0.0, 1.0)
        sound = 0 < about.sigma_data < math.inf and -math.inf < low < high < math.inf
        sizes = about.event_shape
        if not (sound and sizes and min(sizes) > 0 and math.prod(sizes) < MOST_VALUES):
            raise ValueError("says impossible things of the data")
        return about


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: About) -> None:
    """Write a safetensors file in one go.

    Raises:
        OSError: it can't be written; what was there before is still there.
    """
    here = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    told = replace(about, content=content_digest(here))
    write_atomically(path, save(here, metadata=told.metadata()))


def content_digest(tensors: Mapping[str, Tensor]) -> str:
    """A digest of named tensors on the CPU, by their bytes."""
    hasher = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(tensors.items()):
        hasher.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        hasher.update(tensor.flatten().view(torch.uint8).numpy().data)
    return hasher.hexdigest()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], About]:
    """Read a safetensors file, whatever it is, without running anything in it.

    Raises:
        UserError: it isn't there or isn't one that ``write_tensors`` wrote.
    """
    try:
        with _opened(path) as file:
            about = About.parse(file.metadata())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise UserError(f"there are no weights {path}{_pickled(path.parent)}") from None
    except (SafetensorError, ValueError, OSError) as error:
        raise UserError(f"{path} is damaged or no file of weights: {_brief(error)}") from None
    if content_digest(tensors) != about.content:
        raise UserError(f"{path} is damaged: its weights aren't those that were written")
    return tensors, about


def read_about(path: Path) -> About | None:
    """What a file of weights says of itself; None where there is none that can be read."""
    try:
        with _opened(path) as file:
            return About.parse(file.metadata())
    except (SafetensorError, ValueError, OSError):
        return None


def load_checkpoint(
    folder: Path | str,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    unfinished: bool = False,
) -> LearnedModel:
    """The score model in a checkpoint folder; nothing in it is executed.

    Args:
        folder: as ``scorebench train`` writes it.
        device, dtype: where the model is to compute and in what precision.
        unfinished: take a training that hasn't ended too.

    Raises:
        UserError: there is no such folder, or its config or weights are missing, damaged or of
            different networks; the training hasn't ended.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"there is no checkpoint folder {folder}; scorebench train writes one")
    config = folder / CONFIG
    network, preconditioning, parametrisation = network_of(_config(config), config)
    weights = folder / MODEL
    tensors, about = read_tensors(weights)
    if about.step < about.steps and not unfinished:
        raise UserError(
            f"{folder} has {about.step:,} of {about.steps:,} steps: let scorebench train end it, "
            "or ask for it with unfinished: true"
        )
    try:
        # On the meta device layers take no memory and draw no initial weights.
        with torch.device("meta"):
            module = network.build(about.event_shape)
        module.load_state_dict(tensors, assign=True)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{weights} isn't of the network in {config}: {_brief(error)}") from None
    if not {tensor.dtype for tensor in tensors.values()} <= KINDS:
        raise UserError(
            f"{weights} holds values of another kind than float16, bfloat16, float32 and float64"
        )
    if not all(bool(tensor.isfinite().all()) for tensor in module.state_dict().values()):
        raise UserError(f"{weights} holds values that aren't finite")
    field = LearnedField(module, preconditioning, parametrisation, about.sigma_data)
    model = LearnedEnergyModel if parametrisation == "energy" else LearnedModel
    return model(field, about.event_shape, about.value_range, torch.device(device), dtype)


def _opened(path: Path) -> Any:
    """A safetensors file of which the header is read; raises ValueError for a pipe or the like."""
    if path.exists() and not path.is_file():
        raise ValueError("not a file")
    return safe_open(path, "pt")


def _config(path: Path) -> Any:
    document = yaml.load(path)
    document.stop_if_problems()
    return document.data


def _pickled(folder: Path) -> str:
    found = sorted(p.name for p in folder.glob("*") if p.suffix in PICKLES)
    if not found:
        return ""
    return f"; {found[0]} may hold pickled code, which is never loaded: convert it to safetensors"


def _brief(error: Exception) -> str:
    return textwrap.shorten(str(error), 300)
