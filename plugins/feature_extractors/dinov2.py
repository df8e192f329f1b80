"""DINOv2's features, from a folder or from the Hugging Face hub."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scorebench import FeatureExtractor, Features, UserError, Weights
from scorebench_plugins.score_models.hub_name import (
    FolderOrHubName,
    HubName,
    local_folder,
    on_this_machine,
)

from .precision import Precision

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context

CONFIG = "config.json"
WEIGHTS = "model*.safetensors*"
VIT_LARGE = HubName("facebook/dinov2-large")

SIZE = 224
MEAN = (0.485, 0.456, 0.406)  # of ImageNet's red, green and blue in [0, 1]
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class DINOv2(FeatureExtractor):
    """DINOv2 (Oquab et al. 2024): features that distances agree with people's judgement by.

    Stein et al. 2023, "Exposing flaws of generative model evaluation metrics", found so with the
    ViT-L/14 that is the default here; their FD-DINOv2 is metric fid on these features. Vectors are
    the class token after the last layer norm, ``[B, 1024]`` for ViT-L; there are no logits. Nothing
    is comparable with values of inception.

    Images are resized to 224×224 pixels by PIL's bicubic filter in floating point, as their code
    (dgm-eval) does with --clean_resize; without, it rounds to whole numbers besides. Grey ones are
    repeated to three channels. Positions are resized as in the authors' code, not as in
    transformers, so that features are those of dgm-eval.

    Weights are read from safetensors files alone.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()

    checkpoint: FolderOrHubName = VIT_LARGE
    """A folder with config.json and model.safetensors as transformers saves a Dinov2Model; or,
    where there is no such folder, a name on the Hugging Face hub, which is downloaded once."""
    revision: str | None = None
    """Commit, branch or tag on the hub; the main branch where not given."""
    precision: Precision = "float32"
    """Of products; weights, positions and normalisations are float32 all the same."""

    def __post_init__(self) -> None:
        if isinstance(self.checkpoint, HubName):
            object.__setattr__(self, "checkpoint", self.checkpoint.beside(Path()))
        if self.revision is not None and isinstance(self.checkpoint, Path):
            raise ValueError(f"revision is for hub names, but {self.checkpoint} is a folder")

    @classmethod
    def default_weights(cls, context: Context) -> Iterable[Weights]:
        """Those of ViT-L/14 on the hub."""
        yield Weights(
            name=VIT_LARGE,
            path=on_this_machine(VIT_LARGE, [WEIGHTS]),
            how="downloaded from the Hugging Face hub when first used (1.2 GB), or name a folder: "
            "features: {name: dinov2, checkpoint: FOLDER}",
        )

    def identity(self, context: Context) -> str | None:
        """The commit a hub name stands for; a folder counts by its content, as all paths do.

        Raises:
            UserError: the hub doesn't give it.
        """
        return None if isinstance(self.checkpoint, Path) else self._folder(CONFIG).name

    def load(self, context: Context) -> Callable[[Tensor], Features]:
        """A function from uint8 images ``[B, 1 or 3, H, W]`` to float32 vectors.

        Raises:
            UserError: transformers isn't installed; there is no such folder and the hub doesn't
                give it; it holds no Dinov2Model, or weights that are damaged, another network's or
                in no safetensors file; when called, these aren't such images.
        """
        import torch

        from .image_network import ImageNetwork

        network = _network(self._folder(CONFIG, WEIGHTS)).to(context.device)
        mean, std = (
            torch.tensor(values, device=context.device)[:, None, None] for values in (MEAN, STD)
        )

        def body(pixels: Tensor) -> Tensor:
            vectors: Tensor = network((pixels / 255 - mean) / std).pooler_output
            return vectors

        return ImageNetwork("dinov2", SIZE, body, None, context.device, self.precision)

    def _folder(self, *files: str) -> Path:
        folder: Path = local_folder(self.checkpoint, self.revision, files)
        return folder


def _network(folder: Path) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise UserError(
            f"transformers can't be imported ({error}): pip install 'scorebench[dinov2]'"
        ) from error

    try:
        kind = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("model_type")
        if kind != "dinov2":
            raise ValueError(f"{CONFIG} is of model_type {kind}, not dinov2")
        loaded: Any = transformers.Dinov2Model.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
        network, found = loaded
        if missing := sorted(found["missing_keys"]):
            raise ValueError(f"weights are missing: {', '.join(missing)}")
    except Exception as error:  # of many kinds, by what is wrong with which file
        reason = textwrap.shorten(str(error), 200)
        raise UserError(f"{folder} holds no DINOv2 network that can be read: {reason}") from error
    network = network.float().eval().requires_grad_(False)
    _resize_positions(network.embeddings)
    return network


def _resize_positions(embeddings: Any) -> None:
    """Make positions ``[1, 1 + m², d]`` those of the n² patches of an image of our size.

    transformers would do it at every call, and by the scale n/m. The authors' code scales by
    (n + 0.1)/m, which gives other values, and its features are the published ones.
    """
    import torch
    from torch.nn.functional import interpolate

    token, patches = embeddings.position_embeddings.split_with_sizes(
        [1, embeddings.patch_embeddings.num_patches], dim=1
    )
    given = math.isqrt(patches.shape[1])
    wanted = SIZE // embeddings.patch_embeddings.patch_size[0]
    if given == wanted:
        return
    grid = patches.unflatten(1, (given, given)).permute(0, 3, 1, 2)
    grid = interpolate(grid, scale_factor=(wanted + 0.1) / given, mode="bicubic")
    positions = torch.cat([token, grid.flatten(2).transpose(1, 2)], dim=1)
    embeddings.position_embeddings = torch.nn.Parameter(positions, requires_grad=False)
