"""A parameter that names a Python object: a function or network of the user's."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from pydantic import BeforeValidator

from scorebench.errors import UserError, did_you_mean
from scorebench.plugin.importing import import_file, in_one_line, module_name

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class Importable:
    """A reference to a Python object, imported when it is first needed.

    Attributes:
        module: a dotted module name, or the path of a Python file.
        attribute: the object's name in the module; dotted where it is within another object.
    """

    module: str
    attribute: str

    @classmethod
    def parse(cls, value: Any) -> Importable:
        """Read ``"package.module:attribute"`` or ``"folder/file.py:attribute"``.

        Raises:
            ValueError: it is neither.
        """
        if isinstance(value, Importable):
            return value
        module, _, attribute = value.rpartition(":") if isinstance(value, str) else ("", "", "")
        found = cls(module, attribute)
        if _DOTTED.fullmatch(attribute) and (found.is_file or _DOTTED.fullmatch(module)):
            return found
        raise ValueError("expected package.module:attribute or folder/file.py:attribute")

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"

    @property
    def is_file(self) -> bool:
        """Whether the module is named by its file."""
        return self.module.endswith(".py")

    def imported(self) -> ModuleType:
        """The module; a file is imported as plugin files are, from the working directory.

        Raises:
            UserError: there is no such module or file, or it fails when imported.
        """
        path = Path(self.module).expanduser().resolve()
        if self.is_file and module_name(path) not in sys.modules and not path.is_file():
            raise UserError(f"{self}: there is no file {path}")
        try:
            return import_file(path) if self.is_file else importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if self.is_file or not f"{self.module}.".startswith(f"{error.name}."):
                raise UserError(f"{self} can't be imported: {in_one_line(error)}") from error
            raise UserError(
                f"{self}: there is no module {error.name}; install it, or name the file, "
                f"e.g. folder/file.py:{self.attribute}"
            ) from None
        except (Exception, SystemExit) as error:
            raise UserError(f"{self} can't be imported: {in_one_line(error)}") from error

    def load(self) -> Any:
        """Import the object.

        Raises:
            UserError: as ``imported``; or the module has no such attribute.
        """
        found: Any = self.imported()
        names = self.attribute.split(".")
        for depth, name in enumerate(names):
            if not hasattr(found, name):
                public = [n for n in dir(found) if n[0] != "_" and callable(getattr(found, n))]
                sought = ".".join(names[: depth + 1])
                raise UserError(f"{self.module} has no {sought}{did_you_mean(name, public)}")
            found = getattr(found, name)
        return found


# The type of a parameter that names a Python object.
ImportSpec = Annotated[Importable, BeforeValidator(Importable.parse)]
