"""A folder or a zip of images."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge

from scorebench import Data, Dataset, UserError

if TYPE_CHECKING:
    from torch import Tensor

    from scorebench import Context


@dataclass(frozen=True, kw_only=True)
class ImageFolder(Dataset):
    """The images in a folder or a zip, in the order of their names.

    They are read when they are needed, those of a zip without unpacking it. The files are taken by
    their extension (bmp, gif, jpg, png, ppm, tiff, webp); hidden ones are ignored.
    """

    examples: ClassVar[Sequence[Mapping[str, Any]]] = ()  # none without files

    path: Path
    """The folder or the zip."""

    split: str | None = None
    """Take only this subfolder, e.g. "train"."""

    size: Annotated[int, Ge(1)] | None = None
    """Resize to size×size pixels (bicubic, antialiased); none: all images are of one size."""

    mode: Literal["rgb", "grayscale"] = "rgb"
    """Convert to three channels or to one."""

    def load(self, context: Context) -> Data:
        """Images uint8 ``[N, C, H, W]``, read lazily, in 0..255.

        Labels are int64 ``[N]``: the place of an image's first subfolder among the sorted
        subfolders; None unless every image is in one.

        Raises:
            UserError: there are no such images. An image that can't be read, or differs in size
                where ``size`` isn't given, raises when it is its turn.
        """
        from .image_files import FORMATS, ImageFiles, is_image

        files = _open(self.path)
        names = sorted(name for name in files.names() if is_image(name))
        if not names:
            raise UserError(f"{self.path} holds no images ({', '.join(FORMATS)})")
        prefix = ""
        if self.split is not None:
            prefix = f"{self.split.strip('/')}/"
            inside = [name for name in names if name.startswith(prefix)]
            if not inside:
                raise UserError(f"{self.path} has no images in {prefix}; {_subfolders(names)}")
            names = inside
        images = ImageFiles(files, names, self.mode, self.size)
        return Data(images, _labels([name.removeprefix(prefix) for name in names]), (0, 255))


@dataclass(frozen=True)
class Folder:
    """The files below a folder, by their path relative to it."""

    path: Path

    def names(self) -> list[str]:
        found = os.walk(self.path, onerror=_unreadable)
        return [
            Path(folder, name).relative_to(self.path).as_posix()
            for folder, _, names in found
            for name in names
        ]

    def size(self, name: str) -> int:
        return self._file(name).stat().st_size

    def read(self, name: str) -> bytes:
        return self._file(name).read_bytes()

    def version(self, name: str) -> str:
        with self._file(name).open("rb") as stream:
            return hashlib.file_digest(stream, "blake2b").hexdigest()

    def _file(self, name: str) -> Path:
        path = self.path / name
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise OSError("not a file")
        return path


@dataclass(frozen=True)
class Archive:
    """The members of a zip, read in place; their names are never used as paths on disk."""

    path: Path

    @cached_property
    def _zip(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise UserError(f"{self.path} is neither a folder nor a zip: {error}") from error
        except OSError as error:
            raise UserError(f"{self.path} can't be opened: {error.strerror}") from error

    def names(self) -> list[str]:
        return list({info.filename for info in self._zip.infolist() if not info.is_dir()})

    def size(self, name: str) -> int:
        return self._zip.getinfo(name).file_size

    def read(self, name: str) -> bytes:
        return self._zip.read(name)

    def version(self, name: str) -> str:
        info = self._zip.getinfo(name)
        return f"{info.CRC:08x} {info.file_size}"


def _open(path: Path) -> Folder | Archive:
    if not path.exists():
        raise UserError(f"there is no folder or zip {path}")
    return Folder(path) if path.is_dir() else Archive(path)


def _unreadable(error: OSError) -> None:
    raise UserError(f"{error.filename} can't be listed: {error.strerror}") from error


def _subfolders(names: Sequence[str]) -> str:
    folders = sorted({name.split("/")[0] for name in names if "/" in name})
    if not folders:
        return "it has no subfolders of images: leave split out"
    return f"its subfolders are {', '.join(folders[:10])}{' …' if len(folders) > 10 else ''}"


def _labels(names: Sequence[str]) -> Tensor | None:
    import torch

    if not all("/" in name for name in names):
        return None
    folders = [name.split("/")[0] for name in names]
    number = {folder: i for i, folder in enumerate(sorted(set(folders)))}
    return torch.tensor([number[folder] for folder in folders])
