"""The Inception network that FIDs and Inception Scores in papers are measured with."""

from __future__ import annotations

import functools
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scorebench import FeatureExtractor, Features, UserError, Weights

from .download import fetch, is_there
from .precision import Precision

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context

FILE = "inception-2015-12-05.pt"
URL = f"https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/{FILE}"
SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"

SIZE = 299
CLASSES, DIMENSIONS = 1008, 2048

COPY = f"features: {{name: inception, weights: FOLDER/{FILE}}}"


@dataclass(frozen=True, kw_only=True)
class Inception(FeatureExtractor):
    """InceptionV3 as clean-fid has it: vectors of 2048 features and 1008 logits, from one pass.

    The network is NVIDIA's TorchScript translation of the TensorFlow graph inception-2015-12-05
    (Szegedy et al. 2015), which FIDs have been measured with since Heusel et al. 2017; it and its
    input, (x − 128)/128, come from clean-fid's InceptionV3W. Images are resized to 299×299 pixels
    as clean-fid's mode "clean" does (PIL's bicubic filter in floating point, Parmar et al. 2022);
    grey ones are repeated to three channels.

    Vectors are the activations after the last average pooling. Logits are their product with the
    last layer's weights, without its bias: so were Inception Scores computed by Salimans et al.
    2016, whose code every published one goes back to (torch-fidelity calls them logits_unbiased).

    FIDs are comparable with those by clean-fid, and with no others to the last digit: TensorFlow's
    code, pytorch-fid and torch-fidelity resize by other filters.

    NVIDIA publishes no digest of the file; the one that a download is checked against is that which
    projects using the file have recorded, k-diffusion among them.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()

    weights: Path | None = None
    """A copy of inception-2015-12-05.pt, under this name; where not given it is downloaded once, to
    the cache. A file of other content is taken as it is, and counts as another extractor."""
    precision: Precision = "float32"
    """Of convolutions; a GPU may compute those of float32 in TF32, as torch has it by default."""

    def __post_init__(self) -> None:
        if self.weights is not None and self.weights.name != FILE:
            raise ValueError(
                f"weights must be a file named {FILE}, as clean-fid calls it; got {self.weights}"
            )

    @classmethod
    def default_weights(cls, context: Context) -> Iterable[Weights]:
        """The file that is downloaded to the cache, if it is whole."""
        path = context.cache_dir / FILE
        yield Weights(
            name=FILE,
            path=path if is_there(path, SHA256) else None,
            how=f"downloaded to {path} when first used (96 MB), or name a copy: {COPY}",
        )

    def identity(self, context: Context) -> str | None:
        """The digest of what is downloaded; a file of the user's counts by its content."""
        return SHA256 if self.weights is None else None

    def load(self, context: Context) -> Callable[[Tensor], Features]:
        """A function from uint8 images ``[B, 1 or 3, H, W]``; vectors and logits are float32.

        Raises:
            UserError: the weights can't be had, or are in no such file; when called, these aren't
                such images.
        """
        from torch.nn.functional import linear

        from .image_network import ImageNetwork

        network = _network(self.weights or _downloaded(context.cache_dir)).to(context.device)
        head = functools.partial(linear, weight=network.base.output.weight)
        return ImageNetwork("inception", SIZE, network, head, context.device, self.precision)


def _downloaded(folder: Path) -> Path:
    path = folder / FILE
    try:
        fetch(URL, path, SHA256)
    except OSError as error:
        reason = textwrap.shorten(str(error), 100)
        raise UserError(
            f"the weights of inception are neither in {path} nor to be had from {URL} ({reason}); "
            f"with a copy of that file: {COPY}"
        ) from error
    return path


def _network(path: Path) -> Any:
    """The network, read by clean-fid.

    A TorchScript file is a program for torch's own interpreter, which can compute with tensors and
    little else; unlike with a pickle, no Python code comes with it.
    """
    import torch
    from cleanfid.inception_torchscript import InceptionV3W

    if not path.is_file():
        raise UserError(f"there is no file {path}")
    try:
        with warnings.catch_warnings():
            # torch.jit is deprecated, but nothing else can read the file that FIDs are defined by.
            warnings.simplefilter("ignore", FutureWarning)
            network = InceptionV3W(str(path.parent), download=False)
        shape = tuple(network.base.output.weight.shape)
    except (RuntimeError, ValueError, AttributeError) as error:
        reason = textwrap.shorten(str(error), 100)
        raise UserError(
            f"{path} isn't the Inception network that clean-fid has: {reason}"
        ) from error
    if shape != (CLASSES, DIMENSIONS):
        raise UserError(
            f"{path} isn't the Inception network that clean-fid has: its last layer is {shape}, "
            f"not {(CLASSES, DIMENSIONS)}"
        )
    network = network.eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last)
