"""Pretrained networks in diffusers' format, from a folder or from the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from . import saved_pipeline
from .hub_name import FolderOrHubName, HubName, local_folder

if TYPE_CHECKING:
    from scorebench import Context

    from .unet_model import UNetModel

CONFIGS = ("*.json",)
WEIGHTS = ("diffusion_pytorch_model*.safetensors", "unet/diffusion_pytorch_model*.safetensors")


@dataclass(frozen=True, kw_only=True)
class Diffusers:
    """An unconditional UNet2DModel of the library diffusers: DDPM's kind, or score-SDE's.

    With any scheduler that has a table of ᾱ (DDPMScheduler, DDIMScheduler and relatives; Ho et al.
    2020, "Denoising diffusion probabilistic models") the network sees x/√(1 + σ²) and is told the
    timestep t at which the table has the noise level σ, a fraction between two of its levels, found
    by interpolating ln σ. Beyond the table's first and last level it is told the first and the last
    t. It may predict ε, the sample or v; a variance that it predicts too isn't used. Nothing is
    clipped, unlike in pipelines whose scheduler has clip_sample.

    With ScoreSdeVeScheduler (Song et al. 2021, "Score-based generative modeling through stochastic
    differential equations") the network sees x, is told σ and returns the score. Its images are in
    [0, 1], all others in [-1, 1].

    Weights are read from safetensors files alone.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()

    checkpoint: FolderOrHubName
    """A folder that a pipeline was saved to, with unet/ and scheduler/ or the files of both; or,
    where there is no such folder, a name on the Hugging Face hub, e.g. google/ddpm-cifar10-32,
    which is downloaded once."""
    revision: str | None = None
    """Commit, branch or tag on the hub; the main branch where not given."""

    def __post_init__(self) -> None:
        if isinstance(self.checkpoint, HubName):
            object.__setattr__(self, "checkpoint", self.checkpoint.beside(Path()))
        if self.revision is not None and isinstance(self.checkpoint, Path):
            raise ValueError(f"revision is for hub names, but {self.checkpoint} is a folder")

    def identity(self, context: Context) -> str | None:
        """The commit a hub name stands for; a folder counts by its content, as all paths do.

        Raises:
            UserError: the hub doesn't give it.
        """
        return None if isinstance(self.checkpoint, Path) else self._folder(*CONFIGS).name

    def load(self, context: Context) -> UNetModel:
        """The model.

        Raises:
            UserError: diffusers isn't installed; there is no such folder and the hub doesn't give
                it; it holds no unconditional UNet2DModel, a scheduler or prediction that isn't
                known, or weights that are damaged, another network's or in no safetensors file.
        """
        import torch

        from .unet_model import UNetModel

        saved_pipeline.check_unconditional(self._folder(*CONFIGS))
        folder = self._folder(*CONFIGS, *WEIGHTS)
        prediction, alphas_cumprod = saved_pipeline.read_schedule(folder)
        network = saved_pipeline.read_network(folder).eval().requires_grad_(False)
        exact = torch.promote_types(context.dtype, torch.float32)
        for name, part in network.named_children():
            # The phases of Fourier features of ln σ are many turns: noise in half precision.
            part.to(context.device, exact if name == "time_proj" else context.dtype)
        return UNetModel(
            lambda x, time: network(x, time).sample,
            prediction,
            alphas_cumprod,
            network.config.time_embedding_type == "learned",
            saved_pipeline.event_shape(network),
            context.device,
            context.dtype,
        )

    def _folder(self, *files: str) -> Path:
        saved_pipeline.library()
        return local_folder(self.checkpoint, self.revision, files)
