"""The weights that components read by default: where they are, or how to have them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scorebench.doctor.disk import extent, readable
from scorebench.doctor.finding import Finding, attempted
from scorebench.doctor.plugins import usable
from scorebench.errors import PluginError
from scorebench.plugin.component import KINDS
from scorebench.plugin.host import Host
from scorebench.plugin.weights import Weights

if TYPE_CHECKING:
    from scorebench.running.context import Context


def weights(host: Host) -> Iterator[Finding]:
    """Of every component that tells of weights, and what of its kind can do without missing ones.

    Components that can't be used at all are passed over.
    """
    from scorebench.running.context import Context

    context = Context(host=host)
    for kind in KINDS:
        found = {
            name: attempted(f"{kind} {name}", functools.partial(_of, kind, name, cls, context))
            for name, cls in usable(host, kind).items()
        }
        for findings in found.values():
            yield from findings
        ready = [name for name, its in found.items() if all(f.state == "ok" for f in its)]
        if len(ready) < len(found):
            told = f"no weights are missing for: {', '.join(ready) or 'none'}"
            yield Finding(kind, told)


def _of(kind: str, name: str, cls: type, context: Context) -> Iterator[Finding]:
    tell = getattr(cls, "default_weights", None)
    for each in () if tell is None else tell(context):
        if not isinstance(each, Weights):
            raise PluginError(f"default_weights gave {each!r}, not scorebench.Weights")
        label = f"{kind} {name}"
        if each.path is None:
            yield Finding(label, f"{each.name}: {each.how}", "missing")
        else:
            _, size = extent(each.path)
            told = f"{each.name}, {readable(size)}, in {each.path}"
            yield Finding(label, told, facts={"path": str(each.path), "bytes": size})
