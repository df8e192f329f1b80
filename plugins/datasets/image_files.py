"""Image files that are read when they are asked for."""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from scorebench import UserError

# Formats whose decoders do nothing but decode; PIL's others may start a program (Ghostscript).
FORMATS = {
    ".bmp": "BMP",
    ".gif": "GIF",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".pgm": "PPM",
    ".png": "PNG",
    ".ppm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
# A member of a zip may unpack to any size; no image that PIL agrees to decode needs more bytes.
LARGEST_FILE = 1 << 30
UNREADABLE = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    RuntimeError,
    Image.DecompressionBombError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
PIL_MODES = {"rgb": "RGB", "grayscale": "L"}


def is_image(name: str) -> bool:
    """Whether a path has an image's extension and no part of it is hidden or a macOS shadow."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
    return name.lower().endswith(tuple(FORMATS)) and not hidden


class Files(Protocol):
    """Where the files are: a folder or an archive."""

    @property
    def path(self) -> Path: ...
    def size(self, name: str) -> int:
        """Bytes in a file."""

    def read(self, name: str) -> bytes:
        """The bytes of a file."""

    def version(self, name: str) -> str:
        """A text that changes when the bytes of the file do."""


@dataclass(frozen=True)
class ImageFiles:
    """Images as samples, uint8 ``[N, C, H, W]``; a slice reads the images it covers.

    Pixels are taken as they are stored: an alpha channel is dropped, an orientation in the
    metadata is ignored, of an animation the first frame is used.

    Args:
        files: where the images are.
        names: their names, at least one, in the order of the samples.
        mode: "rgb" (C = 3) or "grayscale" (C = 1).
        size: H and W after resizing (bicubic, antialiased); None: those of the first image.
    """

    files: Files
    names: Sequence[str]
    mode: Literal["rgb", "grayscale"] = "rgb"
    size: int | None = None
    dtype: ClassVar[torch.dtype] = torch.uint8

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W).

        Raises:
            UserError: without ``size``, when the first image can't be read.
        """
        width = height = self.size
        if width is None or height is None:
            with self._opened(self.names[0]) as image:
                width, height = image.size
        return len(self), len(PIL_MODES[self.mode]), height, width

    def __getitem__(self, index: slice, /) -> torch.Tensor:
        """Read some images.

        Raises:
            UserError: one of them is missing, damaged or of another size than the first.
        """
        names = self.names[index]
        pixels = np.empty((len(names), *self.shape[1:]), np.uint8)
        for target, name in zip(pixels, names, strict=True):
            target[:] = self._decode(name)
        return torch.from_numpy(pixels)

    def content_digest(self) -> str:
        """A digest of which images these are, their bytes and what is done to them."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        hasher = hashlib.blake2b(json.dumps([self.mode, self.size]).encode(), digest_size=16)
        for name in self.names:
            with self._blaming(name):
                hasher.update(json.dumps([name, self.files.version(name)]).encode())
        return hasher.hexdigest()

    def _decode(self, name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
        channels, height, width = self.shape[1:]
        with self._opened(name) as image:
            if self.size is None and image.size != (width, height):
                raise UserError(
                    f"images in {self.files.path} differ in size: {self.names[0]} is "
                    f"{width}×{height}, {name} is {image.width}×{image.height} pixels; "
                    "give size, e.g. size: 32, to resize them"
                )
            if image.mode.startswith(("I", "F")):
                raise UserError(
                    f"{name} in {self.files.path} has more than 8 bits a channel; "
                    "convert it to 8 bits"
                )
            pixels = image.convert(PIL_MODES[self.mode])
        if self.size is not None:
            pixels = pixels.resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(pixels).reshape(height, width, channels).transpose(2, 0, 1)

    @contextmanager
    def _opened(self, name: str) -> Iterator[Image.Image]:
        """An image of which the header is read, the pixels not yet."""
        with self._blaming(name):
            if self.files.size(name) > LARGEST_FILE:
                raise ValueError(f"larger than {LARGEST_FILE:,} bytes")
            content = io.BytesIO(self.files.read(name))
            with Image.open(content, formats=list(FORMATS.values())) as image:
                yield image

    @contextmanager
    def _blaming(self, name: str) -> Iterator[None]:
        """What a bad file makes an archive or a decoder raise becomes one line that names it."""
        try:
            yield
        except UNREADABLE as error:
            reason = str(error)
            if isinstance(error, UnidentifiedImageError):  # its text shows an address in memory
                reason = "damaged, or of an unknown format"
            raise UserError(
                f"{name} in {self.files.path} can't be read ({reason}); replace or remove it"
            ) from error
