"""``scorebench new KIND NAME``: a plugin to start from, with a test and a suite that run."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shlex
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from scorebench.cli.list import parse_kind
from scorebench.errors import UserError
from scorebench.plugin.component import Kind
from scorebench.plugin.host import host_for

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def new(
    kind: Annotated[str, typer.Argument(help="The kind, e.g. sampler.")],
    name: Annotated[str, typer.Argument(help="What the component is to be called.")],
    into: Annotated[
        Path, typer.Option(help="The folder to write to; made if there is none.")
    ] = Path(),
) -> None:
    """Write a plugin to start from, with a test and a suite; all three run as they are."""
    parsed = parse_kind(kind)
    _check_name(parsed, name)
    plugin, test, suite = into / f"{name}.py", into / f"test_{name}.py", into / f"{name}.yaml"
    files = {plugin: f"{parsed}.py.txt", test: "test.py.txt", suite: f"{parsed}.yaml.txt"}
    for path in files:
        if path.exists():
            raise UserError(f"{path} exists already; choose another name or folder")
    _check_hides_no_module(name)
    words = {"kind": parsed, "name": name, "class_name": _camel_case(name)}
    templates = resources.files("scorebench.cli") / "templates"
    try:
        into.mkdir(parents=True, exist_ok=True)
        for path, template in files.items():
            text = Template((templates / template).read_text(encoding="utf-8"))
            with path.open("x", encoding="utf-8") as file:
                file.write(text.substitute(words))
            typer.echo(f"wrote {path}")
    except OSError as error:
        raise UserError(f"{error.filename} can't be written: {error.strerror}") from error
    typer.echo("try:")
    for command in (
        ["pytest", test],
        ["scorebench", "check", parsed, name, "--plugins", plugin],
        ["scorebench", "run", suite],
    ):
        typer.echo(f"  {shlex.join(map(str, command))}")


def _check_name(kind: Kind, name: str) -> None:
    """Raise UserError unless a component, a module and a suite can be called that."""
    import yaml

    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} can't name a module: use letters, digits and _, 64 at most, and begin with "
            "a letter"
        )
    if any(map(keyword.iskeyword, (name, _camel_case(name)))) or yaml.safe_load(name) != name:
        raise UserError(f"{name!r} is a word of Python's or of YAML's own; choose another name")
    installed = host_for().components(kind).get(name)
    if installed is not None:
        label = kind.replace("_", " ")
        raise UserError(f"plugin {installed.origin} has a {label} {name!r}; choose another name")


def _check_hides_no_module(name: str) -> None:
    """Raise UserError if a file of that name could be imported instead of another module."""
    if importlib.util.find_spec(name) is not None:
        raise UserError(
            f"there is a module {name!r}, and what imports it could get {name}.py instead; "
            "choose another name"
        )


def _camel_case(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))
