"""Safe YAML with line numbers: plain data, and where each value stands in the file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scorebench.errors import SuiteError, UserError

Location = tuple[str | int, ...]
LARGEST_FILE = 1_000_000
MOST_NODES = 200_000


@dataclass
class Document:
    """A YAML file's data.

    Attributes:
        data: mappings, lists and scalars.
        source: the file's name, for messages.
        lines: the line (from 1) of every key and item, by its location.
        problems: mistakes found so far, each with its line (0 where there is none).
    """

    data: Any
    source: str
    lines: dict[Location, int] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def report(self, location: Location, message: str) -> None:
        """Note a mistake at a location, or at the nearest place above it that is in the file."""
        near = location
        while near and near not in self.lines:
            near = near[:-1]
        line = self.lines.get(near, 0)
        where = f"{pretty(location)}: " if location else ""
        text = f"{self.source}{f':{line}' if line else ''}: {where}{message}"
        if (line, text) not in self.problems:
            self.problems.append((line, text))

    def stop_if_problems(self) -> None:
        """Raise SuiteError with all mistakes found so far, in the order of the file."""
        if self.problems:
            in_order = sorted(self.problems, key=lambda problem: problem[0])
            raise SuiteError([text for _, text in in_order])


def pretty(location: Location) -> str:
    """A location as people write it, e.g. ``sweep[0].sampler.step_size``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def load(path: Path) -> Document:
    """Read a YAML file safely.

    Raises:
        UserError: it is missing, unreadable, too large or not text.
        SuiteError: it isn't YAML; names the line.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise UserError(f"{path}: larger than {LARGEST_FILE:,} bytes, not a suite file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file (UTF-8), so not YAML") from None
    return parse(text, str(path))


def parse(text: str, source: str) -> Document:
    """Parse YAML text; see ``load``."""
    document = Document(None, source)
    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            builder = _Builder(loader, document)
            document.data = None if node is None else builder.build(node, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise SuiteError([f"{source}{line}: not valid YAML: {_one_line(error.problem)}"]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SuiteError([f"{source}: not valid YAML: {_one_line(str(error))}"]) from None
    except RecursionError:
        raise SuiteError([f"{source}: not valid YAML: nested too deeply"]) from None
    return document


def _one_line(text: str | None) -> str:
    return " ".join((text or "unknown problem").split())


class _Builder:
    """Turns YAML nodes into plain data, noting lines and duplicate keys on the way."""

    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self.loader = loader
        self.document = document
        self.nodes = 0
        self.merged: dict[int, int] = {}
        self.open: set[int] = set()

    def build(self, node: yaml.Node, location: Location) -> Any:
        self.document.lines.setdefault(location, node.start_mark.line + 1)
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise yaml.MarkedYAMLError(problem="too many values", problem_mark=node.start_mark)
        if id(node) in self.open:
            raise yaml.MarkedYAMLError(problem="refers to itself", problem_mark=node.start_mark)
        if isinstance(node, yaml.ScalarNode):
            return self.loader.construct_object(node)
        self.open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            value: Any = self._mapping(node, location)
        else:
            value = [self.build(child, (*location, i)) for i, child in enumerate(node.value)]
        self.open.discard(id(node))
        return value

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        if id(node) not in self.merged:  # once: an aliased node is visited again
            own = {id(key) for key, _ in node.value}
            self.loader.flatten_mapping(node)
            self.merged[id(node)] = sum(id(key) not in own for key, _ in node.value)
        merged = self.merged[id(node)]  # pairs from merge keys, "<<", come first
        value: dict[str, Any] = {}
        for key_node, child in node.value[:merged]:
            value[self._key(key_node)] = self.build(child, (*location, self._key(key_node)))
        seen: dict[str, int] = {}
        for key_node, child in node.value[merged:]:
            key = self._key(key_node)
            line = key_node.start_mark.line + 1
            self.document.lines[(*location, key)] = line
            if key in seen:
                self.document.report(
                    (*location, key), f"given twice, first in line {seen[key]}; remove one"
                )
            seen[key] = line
            value[key] = self.build(child, (*location, key))
        return value

    def _key(self, node: yaml.Node) -> str:
        key = self.loader.construct_object(node, deep=True)
        if not isinstance(key, Hashable) or isinstance(key, Mapping):
            raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=node.start_mark)
        return key if isinstance(key, str) else str(node.value)
