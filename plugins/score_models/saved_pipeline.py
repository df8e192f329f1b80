"""What diffusers has saved of an unconditional pipeline: its network, and what that predicts."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scorebench import UserError

from .prediction import Prediction

if TYPE_CHECKING:
    from torch import Tensor

MOST_LAYERS = 1000
PREDICTIONS: Mapping[str, Prediction] = {"epsilon": "epsilon", "sample": "x0", "v_prediction": "v"}


def library() -> Any:
    """The package diffusers.

    Raises:
        UserError: it isn't installed.
    """
    try:
        import diffusers
    except ImportError as error:
        raise UserError(
            f"diffusers can't be imported ({error}): pip install 'scorebench[diffusers]'"
        ) from error
    return diffusers


def check_unconditional(pipeline: Path) -> None:
    """Look at a pipeline's configuration only.

    Raises:
        UserError: it can't be read, or its network isn't an unconditional UNet2DModel.
    """
    path = _part(pipeline, "unet") / "config.json"
    about = _settings(path)
    kind = about.get("_class_name", "no known network")
    if kind != "UNet2DModel":
        raise UserError(f"{path} is of {_brief(kind)}, not of an unconditional UNet2DModel")
    if about.get("num_class_embeds") is not None or about.get("class_embed_type") is not None:
        raise UserError(f"{path} is of a conditional model, which must be told a class")
    layers = about.get("layers_per_block", 2)
    if type(layers) is not int or layers > MOST_LAYERS:  # building them all might never end
        raise UserError(f"{path} asks for {layers!r} layers_per_block, which no network has")


def read_network(pipeline: Path) -> Any:
    """The UNet2DModel of a pipeline, with all its weights, which must be in safetensors files.

    diffusers gives weights that early versions have saved their present names.

    Raises:
        UserError: it can't be read, or the weights aren't those of its configuration.
    """
    folder = _part(pipeline, "unet")
    if not any(folder.glob("diffusion_pytorch_model*.safetensors")):
        raise UserError(
            f"{folder} has no diffusion_pytorch_model.safetensors; pickled weights (.bin) aren't "
            "read, convert them once by diffusers: DiffusionPipeline.from_pretrained('FROM')"
            ".save_pretrained('TO')"
        )
    try:
        network, found = library().UNet2DModel.from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            low_cpu_mem_usage=False,
            output_loading_info=True,
        )
    except Exception as error:  # of many kinds, by what is wrong with which file
        raise UserError(f"{folder} can't be loaded: {_brief(error)}") from error
    wrong = sorted({*found["missing_keys"], *found["unexpected_keys"]})
    if wrong:
        raise UserError(
            f"{folder} has another network's weights; missing or unexpected: "
            f"{_brief(', '.join(wrong))}"
        )
    return network


def event_shape(network: Any) -> tuple[int, ...]:
    """The shape of one image, ``(C, H, W)``.

    Raises:
        UserError: the network isn't for one size of images, or makes no images of them.
    """
    about = network.config
    size, channels = about.sample_size, about.in_channels
    if size is None:
        raise UserError("the UNet2DModel doesn't say its sample_size")
    if about.out_channels not in (channels, 2 * channels):
        raise UserError(f"the UNet2DModel makes {about.out_channels} channels of {channels}")
    sides = size if isinstance(size, list | tuple) else [size, size]
    if len(sides) != 2 or not all(type(side) is int and side > 0 for side in sides):
        raise UserError(f"the UNet2DModel has the sample_size {size!r}, which no image has")
    return (channels, *sides)


def read_schedule(pipeline: Path) -> tuple[Prediction, Tensor | None]:
    """What a pipeline's network predicts, and the ᾱ ``[T]`` of its scheduler.

    Returns:
        "score" and None for a variance-exploding SDE, whose networks are told σ itself.

    Raises:
        UserError: it can't be read, or is of an unknown kind.
    """
    path = _part(pipeline, "scheduler") / "scheduler_config.json"
    about = _settings(path)
    name = str(about.get("_class_name"))
    if name == "ScoreSdeVeScheduler":
        return "score", None
    diffusers = library()
    kind = getattr(diffusers.schedulers, name, None)
    if kind is None:
        raise UserError(
            f"{path} is of {_brief(name)}, which diffusers {diffusers.__version__} hasn't got"
        )
    try:
        scheduler = kind.from_config(about)
    except Exception as error:  # of many kinds
        raise UserError(f"{path} can't be used: {_brief(error)}") from error
    if not hasattr(scheduler, "alphas_cumprod"):
        raise UserError(f"{path} is of {_brief(name)}, whose noise levels aren't known here")
    prediction = scheduler.config.get("prediction_type", "epsilon")
    if prediction not in list(PREDICTIONS):  # a list, as a file may say what can't be hashed
        known = ", ".join(PREDICTIONS)
        raise UserError(
            f"{path} has the prediction_type {_brief(prediction)}, which isn't one of {known}"
        )
    return PREDICTIONS[prediction], scheduler.alphas_cumprod


def _part(pipeline: Path, name: str) -> Path:
    """Where a part is: in a folder of its own or, in early pipelines, in that of the pipeline."""
    return pipeline / name if (pipeline / name).is_dir() else pipeline


def _settings(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no {path}; a pipeline that diffusers saved has it") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no settings")
    return found


def _brief(told: object) -> str:
    return textwrap.shorten(str(told), 200)
