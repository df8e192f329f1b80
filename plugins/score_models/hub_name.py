"""The type of a parameter that names a folder of a model, or else one on the Hugging Face hub."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from scorebench import UserError

OWNER_AND_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")


class HubName(str):
    """A name on the hub, such as ``google/ddpm-cifar10-32``; a folder so called goes first."""

    __slots__ = ()

    def beside(self, folder: Path) -> Path | HubName:
        """The folder of this name in another, such as that of a suite, or the name itself."""
        path = folder / self
        return path if path.is_dir() else self


def _folder_or_name(given: Path | str) -> Path | HubName:
    if isinstance(given, str) and OWNER_AND_NAME.fullmatch(given):
        return HubName(given)
    return Path(given)


FolderOrHubName = Annotated[Path | str, AfterValidator(_folder_or_name)]


def on_this_machine(name: HubName, patterns: Sequence[str]) -> Path | None:
    """The folder of this name, or what was downloaded from the hub earlier, without asking it.

    None where there is no such folder, or no file of any of the patterns in it.
    """
    folder = name.beside(Path())
    if isinstance(folder, HubName):
        try:
            from huggingface_hub import snapshot_download

            found = snapshot_download(
                str(name), allow_patterns=list(patterns), local_files_only=True
            )
        except (ImportError, OSError):  # its LocalEntryNotFoundError is one
            return None
        folder = Path(found)
    files = (path for pattern in patterns for path in folder.glob(pattern))
    return folder if any(path.is_file() for path in files) else None


def local_folder(named: Path | str, revision: str | None, files: Sequence[str]) -> Path:
    """The folder, or that of a snapshot of the hub: its name is the commit.

    Args:
        named: a ``Path``, which nothing is downloaded for, or a name on the hub.
        revision: commit, branch or tag on the hub; None for the main branch.
        files: patterns of the files to have from the hub; they are downloaded once.

    Raises:
        UserError: there is no such folder and the hub doesn't give it.
    """
    if isinstance(named, Path):
        if not named.is_dir():
            raise UserError(f"there is no folder {named}; a hub name is written owner/name")
        return named
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(str(named), revision=revision, allow_patterns=list(files))
    except Exception as error:  # of the network's many kinds
        reason = textwrap.shorten(str(error), 100)
        raise UserError(
            f"there is no folder {named}, and the Hugging Face hub doesn't give it; without a "
            f"network, name a folder with the model's files instead ({reason})"
        ) from error
    return Path(found)
