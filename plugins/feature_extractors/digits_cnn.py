"""A small classifier of handwritten digits: features that need no download."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scorebench import FeatureExtractor, Features, UserError, Weights

if TYPE_CHECKING:
    from torch import Tensor, nn

    from scorebench import Context

WEIGHTS = Path(__file__).with_name("digits_cnn.safetensors")


def network() -> nn.Sequential:
    """Images ``[B, 1, 8, 8]`` in [0, 1] to logits ``[B, 10]``; the last layer reads the features.

    GELU rather than ReLU before the last layer: no feature is constant, so that covariances of
    features have full rank.
    """
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 64),
        nn.GELU(),
        nn.Linear(64, 10),
    )


@dataclass(frozen=True, kw_only=True)
class DigitsCNN(FeatureExtractor):
    """A convolutional network trained on the digits dataset, for images of 1×8×8 pixels.

    Its distances mean nothing outside this dataset and are comparable only with others taken with
    the same weights.
    """

    weights: Path = WEIGHTS
    """A safetensors file; the default was trained on the "train" split of digits."""

    @classmethod
    def default_weights(cls, context: Context) -> Iterable[Weights]:
        """The shipped file."""
        path = WEIGHTS if WEIGHTS.is_file() else None
        yield Weights(name=WEIGHTS.name, path=path, how="install scorebench again, it has them")

    def load(self, context: Context) -> Callable[[Tensor], Features]:
        """Vectors are the 64 activations before the last layer, logits ``[B, 10]``; float32.

        Raises:
            UserError: the weights can't be read or are another network's; when called, images
                aren't uint8 ``[B, 1, 8, 8]``.
        """
        import torch

        layers = _trained(self.weights).to(context.device)
        body, head = layers[:-1], layers[-1]

        @torch.no_grad()
        def extract(images: Tensor) -> Features:
            if images.shape[1:] != (1, 8, 8) or images.dtype != torch.uint8:
                got = f"{'×'.join(map(str, images.shape[1:]))} of {images.dtype}"
                raise UserError(f"digits_cnn expects 1×8×8 images of torch.uint8, got {got}")
            vectors = body(images.to(context.device).float() / 255)
            return Features(vectors, head(vectors))

        return extract


def _trained(path: Path) -> nn.Sequential:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    # On the meta device layers draw no initial weights: the global random state stays as it is.
    with torch.device("meta"):
        layers = network()
    try:
        layers.to_empty(device="cpu").load_state_dict(load_file(path))
    except FileNotFoundError:
        raise UserError(f"there are no weights {path}") from None
    except (SafetensorError, OSError, RuntimeError) as error:
        raise UserError(f"{path} doesn't hold the weights of digits_cnn") from error
    return layers.eval()
