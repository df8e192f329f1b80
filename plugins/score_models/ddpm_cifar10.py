"""The network of Ho et al. 2020 for CIFAR-10, pretrained."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scorebench import UserError, Weights

from .diffusers_unet import WEIGHTS, Diffusers
from .hub_name import FolderOrHubName, HubName, on_this_machine

if TYPE_CHECKING:
    from scorebench import Context

NETWORK = HubName("google/ddpm-cifar10-32")
OTHERS = (
    "or sweep another model: --set 'sweep[*].model={name: ncsn, checkpoint: FOLDER}', a network of "
    "your own, or --set 'sweep[*].model=factor_mixture', which needs no download"
)


@dataclass(frozen=True, kw_only=True)
class DDPMCifar10(Diffusers):
    """The unconditional DDPM of CIFAR-10, google/ddpm-cifar10-32, in the library diffusers' format.

    Ho et al. 2020, "Denoising diffusion probabilistic models", table 1: FID 3.17 and Inception
    Score 9.46 with 1,000 steps of its ancestral sampler. 35.7 million weights, noise levels from
    0.01 to 157 in data units of [-1, 1]; as for ``diffusers`` otherwise.
    """

    checkpoint: FolderOrHubName = NETWORK
    """A name on the Hugging Face hub, which is downloaded once, or a folder that the pipeline was
    saved to."""

    @classmethod
    def default_weights(cls, context: Context) -> Iterable[Weights]:
        """Those on the hub."""
        yield Weights(
            name=NETWORK,
            path=on_this_machine(NETWORK, WEIGHTS),
            how="downloaded from the Hugging Face hub when first used (143 MB), or name a folder: "
            "model: {name: ddpm_cifar10, checkpoint: FOLDER}",
        )

    def _folder(self, *files: str) -> Path:
        try:
            return super()._folder(*files)
        except UserError as error:
            raise UserError(f"{error}; {OTHERS}") from error
