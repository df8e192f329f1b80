"""Safe YAML with line numbers: plain data, and where each value stands in the file."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scorebench.errors import SuiteError, UserError
from scorebench.plugin.parameters import brief

Location = tuple[str | int, ...]
LARGEST_FILE = 1_000_000
MOST_NODES = 200_000
MOST_LEVELS = 50
MOST_BITS = 1024  # of a whole number; a float holds as many
SURROGATES = re.compile("[\ud800-\udfff]")  # half a character each, which no text has alone
COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
MERGE = "tag:yaml.org,2002:merge"


@dataclass
class Document:
    """A YAML file's data.

    Attributes:
        data: mappings, lists and scalars.
        source: the file's name, for messages.
        lines: the line (from 1) of every key and item, by its location.
        problems: mistakes found so far, in order, each once, with its line (0 where there is none).
    """

    data: Any
    source: str
    lines: dict[Location, int] = field(default_factory=dict)
    problems: dict[tuple[int, str], None] = field(default_factory=dict)

    def report(self, location: Location, message: str) -> None:
        """Note a mistake at a location, or at the nearest place above it that is in the file."""
        near = location
        while near and near not in self.lines:
            near = near[:-1]
        line = self.lines.get(near, 0)
        where = f"{pretty(location)}: " if location else ""
        told = " ".join(line.strip() for line in f"{where}{message}".splitlines())
        self.problems[line, f"{self.source}{f':{line}' if line else ''}: {told}"] = None

    def stop_if_problems(self) -> None:
        """Raise SuiteError with all mistakes found so far, in the order of the file."""
        if self.problems:
            in_order = sorted(self.problems, key=lambda problem: problem[0])
            raise SuiteError([text for _, text in in_order])


def pretty(location: Location) -> str:
    """A location as people write it, e.g. ``sweep[0].sampler.step_size``."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if part.isprintable() and 0 < len(part) < 80 else brief(part)
            text += f".{word}" if text else word
    return text


def load(path: Path) -> Document:
    """Read a YAML file safely.

    Raises:
        UserError: it is missing, unreadable, too large or not text.
        SuiteError: it isn't YAML; names the line.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for
            raise UserError(f"{path}: can't be read: not a file")
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error.strerror}") from None
    except ValueError as error:  # a null byte in the path
        raise UserError(f"{str(path)!r}: can't be read: {error}") from None
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
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                document.data = _Builder(loader, document).build(node, ())
        except (ValueError, OverflowError) as error:  # e.g. of the escape "\UFFFFFFFF"
            raise _mistake(str(error), loader.get_mark()) from None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        told = ", ".join(" ".join(t.split()) for t in (error.context, error.problem) if t)
        raise SuiteError([f"{source}{line}: not valid YAML: {told}"]) from None
    except yaml.reader.ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        told = f"the character {chr(error.character)!r} is not allowed"
        raise SuiteError([f"{source}:{number}: not valid YAML: {told}"]) from None
    except RecursionError:
        raise SuiteError([f"{source}: not valid YAML: nested too deeply"]) from None
    return document


def _mistake(problem: str, mark: yaml.Mark | None) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """PyYAML follows YAML 1.1, to which ``1e-3`` is a word; it is a number here, as in YAML 1.2."""


class _Dumper(yaml.SafeDumper):
    """Quotes the words that ``_Loader`` would read as numbers."""


for _side in (_Loader, _Dumper):
    _side.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
        [*"-+0123456789"],
    )


def dump(data: Any) -> str:
    """Plain data as YAML that ``parse`` reads back as it was."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=False)


class _Builder:
    """Turns YAML nodes into plain data, noting lines and duplicate keys on the way.

    Every visit of a node is counted, so that aliases of aliases end in an error and not in a full
    memory.
    """

    def __init__(self, loader: yaml.SafeLoader, document: Document) -> None:
        self.loader = loader
        self.document = document
        self.visits = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node, location: Location) -> Any:
        self.document.lines.setdefault(location, _line(node))
        self._count(node, 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if node.tag not in COLLECTIONS:
            raise _mistake(f"the tag {node.tag} is not allowed", node.start_mark)
        if len(location) > MOST_LEVELS:
            raise _mistake("nested too deeply", node.start_mark)
        with self._opened(node):
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, location)
            return [self.build(child, (*location, i)) for i, child in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        value = {}
        for key, (key_node, child) in self._pairs(node, location).items():
            self.document.lines[(*location, key)] = _line(key_node)
            value[key] = self.build(child, (*location, key))
        return value

    def _pairs(
        self, node: yaml.MappingNode, location: Location
    ) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Key and value nodes by key; a mapping's own win over those of merge keys, ``<<``."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, child in node.value:
            if key_node.tag == MERGE:
                for source in self._sources(child):
                    with self._opened(source):
                        pairs = self._pairs(source, location)
                    self._count(source, len(pairs))
                    for key, pair in pairs.items():
                        merged.setdefault(key, pair)  # of several sources the first wins
                continue
            key = self._key(key_node)
            self.document.lines[(*location, key)] = _line(key_node)
            if key in own:
                first = _line(own[key][0])
                self.document.report(
                    (*location, key), f"given twice, first in line {first}; remove one"
                )
            own[key] = (key_node, child)
        return merged | own

    def _sources(self, node: yaml.Node) -> Iterator[yaml.MappingNode]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            self._count(source, 1)
            if not isinstance(source, yaml.MappingNode):
                raise _mistake("<< takes a mapping or a list of them", source.start_mark)
            yield source

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _mistake("a key must be a word", node.start_mark)
        key = self._scalar(node)
        return key if isinstance(key, str) else str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag in NUMBERS and len(node.value) > MOST_BITS + 2:  # with 0b; 1:0:0:… takes long
            raise _mistake("number too large", node.start_mark)
        try:
            value = self.loader.construct_object(node, deep=True)
        except yaml.YAMLError:
            raise
        except Exception:  # whatever PyYAML runs into, e.g. with !!int "" or the 30th of February
            kind = node.tag.rpartition(":")[2]
            raise _mistake(f"{brief(node.value)} is no {kind}", node.start_mark) from None
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            raise _mistake("number too large", node.start_mark)
        if isinstance(value, str) and SURROGATES.search(value):
            raise _mistake(f"{brief(value)} holds half a character", node.start_mark)
        return value

    def _count(self, node: yaml.Node, visits: int) -> None:
        self.visits += visits
        if self.visits > MOST_NODES:
            raise _mistake("too many values", node.start_mark)

    @contextlib.contextmanager
    def _opened(self, node: yaml.Node) -> Iterator[None]:
        if id(node) in self.open:
            raise _mistake("refers to itself", node.start_mark)
        self.open.add(id(node))
        yield
        self.open.discard(id(node))


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
