"""A page's content as one HTML file that needs no network."""

from __future__ import annotations

import datetime
import functools
import json
import re
from importlib import resources
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup

import scorebench
from scorebench.report.page.content import Content, Table

SCRIPTS = ("data", "charts", "table", "details", "page")
ASSETS = resources.files("scorebench.report.page") / "assets"


def render(content: Content, refresh: int | None = None) -> str:
    """The page.

    Args:
        content: what it says.
        refresh: seconds after which the page loads itself again; None: never.
    """
    drawn = {chart.name: chart.specs for chart in content.charts}
    payload = {**content.payload, "charts": drawn, "refresh": refresh}
    template = _environment().get_template("report.html.j2")
    return template.render(
        content=content,
        sections=_sections(content),
        chart_sections=list(dict.fromkeys(chart.section for chart in content.charts)),
        payload=_json(payload),
        css=Markup(_asset("report.css")),
        vega=Markup(_vega()) if content.charts else "",
        script=Markup("\n".join(_asset(f"{name}.js") for name in SCRIPTS)),
        version=scorebench.__version__,
        now=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


def _sections(content: Content) -> list[tuple[str, str]]:
    """The headings of the page, as ids and names."""
    found = [("finding", content.verdict)]
    found += dict.fromkeys(chart.section for chart in content.charts)
    if content.payload.get("pictures"):
        found.append(("samples", "Samples"))
    if content.differences:
        found.append(("differences", "Differences"))
    if content.payload.get("rows"):
        found.append(("rows", "All rows"))
    return [*found, ("failures", "Failures"), ("provenance", "Provenance")]


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cells"] = _cells
    environment.filters["breakable"] = _breakable
    return environment


def _cells(table: Table) -> list[list[dict[str, Any]]]:
    """The cells of a table row by row, with the classes of their look."""
    found = []
    for column in table.grid.columns:
        looks = zip(column.cells, column.honours(), strict=True)
        side = "number " if column.right else ""
        found.append([{"text": text, "look": f"{side}{honour}".strip()} for text, honour in looks])
    return [list(row) for row in zip(*found, strict=True)]


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after a dot or an underscore."""
    return Markup("<wbr>").join(re.split(r"(?<=[._])", name))


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


@functools.cache
def _vega() -> str:
    """Vega, Vega-Lite and their embedding, as a script without imports."""
    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")


def _json(payload: Any) -> Markup:
    """JSON that can stand in a script element: no tag can begin in it."""
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))
