"""Running a network on images: what extractors with different networks have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from scorebench import Features, UserError

from .precision import Precision
from .resizing import resize

AT_ONCE_ON_A_CPU = 8  # more at a time are slower there: see resizing
AT_ONCE = 64


@dataclass(frozen=True)
class ImageNetwork:
    """A function from images of any size to features.

    Images are resized as clean-fid does; grey ones are repeated to three channels. A few at a
    time go through the network, so that the memory it takes doesn't grow with the batch.

    Attributes:
        name: of the extractor, for messages.
        size: height and width that the network takes.
        body: from pixels in [0, 255], float32 ``[b, 3, size, size]``, to vectors ``[b, d]``.
        head: from vectors to logits ``[b, c]``, always in float32; None where there are none.
        device: where the network is.
        precision: of the body's products and convolutions. Weights, pixels and vectors are float32
            all the same.
    """

    name: str
    size: int
    body: Callable[[Tensor], Tensor]
    head: Callable[[Tensor], Tensor] | None
    device: torch.device
    precision: Precision

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Features:
        """Features of uint8 images ``[B, 1, H, W]`` or ``[B, 3, H, W]``; float32.

        Raises:
            UserError: these aren't such images.
        """
        if images.ndim != 4 or images.shape[1] not in (1, 3) or images.dtype != torch.uint8:
            got = f"{'×'.join(map(str, images.shape[1:]))} of {images.dtype}"
            raise UserError(f"{self.name} expects images of 1 or 3 channels in uint8, got {got}")
        vectors = torch.cat(list(self._vectors(images)))
        return Features(vectors, None if self.head is None else self.head(vectors))

    def _vectors(self, images: Tensor) -> Iterator[Tensor]:
        lower = self.precision != "float32"
        dtype = getattr(torch, self.precision) if lower else None
        at_once = AT_ONCE_ON_A_CPU if self.device.type == "cpu" else AT_ONCE
        for few in torch.split(images, at_once):
            pixels = resize(few.to(self.device), self.size).expand(-1, 3, -1, -1)
            with torch.autocast(self.device.type, dtype, enabled=lower):
                # The order of memory that convolutions are quickest in.
                vectors = self.body(pixels.contiguous(memory_format=torch.channels_last))
            yield vectors.float()
