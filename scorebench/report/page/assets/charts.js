// Charts: specifications with the reader's choices filled in, drawn one after the other.

const TILE = { most: 88, least: 30 }; // pixels
const SLANTED = { labelAngle: -40, labelLimit: 130 }; // names wider than their tile
const NARROW = 560;
const LISTED = 480; // pixels that a chart with a line of text for every row needs
const LETTER = 6.5; // pixels
const NAME = 190; // pixels of a name in a legend
const MENU = 38; // pixels beside a chart

const drawn = new Map(); // by name: what `vegaEmbed` gave

/** The points of the part of the results that is shown; parts can't be compared. */
const shown = () => points.filter((point) => point.part === Number(choice.part));

/** The name of a place as a specification holds it open: in brackets that no name can have. */
const held = (name) => `\ue000${name}\ue001`;

/** What stands in the places that a specification holds open for a parameter. */
function places(role, parameter, rows = shown()) {
  const values = ordered(rows.map((row) => row[field(parameter)]));
  const numbers = values.map(Number).filter(Number.isFinite);
  return [
    [`["${held(`${role} order`)}"]`, JSON.stringify(values)],
    [`["${held(`${role} numbers`)}"]`, JSON.stringify(numbers)],
    [`"${held(`${role} title`)}"`, JSON.stringify(parameter)],
    [held(role), field(parameter)],
  ];
}

/** What a field is called: parameters and metrics have short ones. */
function called(name) {
  const [, kind, i] = name.match(/^([pm])(\d+)$/) ?? [];
  if (!kind) return name;
  return kind === "p" ? data.parameters[i] : data.metrics[i];
}

/** The parameters that a configuration has in common with all others, or with all of its component. */
function common(fields) {
  const components = ["model", "schedule", "sampler"].map((role) => fields[field(role)]);
  const fits = ([, , owners]) => !owners.length || owners.some((owner) => components.includes(owner));
  return data.constants.filter(fits);
}

/** What a tooltip tells, as HTML. Vega's own keeps some names for itself, and refuses others. */
function tooltip(fields, escaped) {
  const told = Object.entries(fields).map(([name, value]) => [called(name), value]);
  if ("p0" in fields) told.push(...common(fields));
  const rows = told.map(
    ([name, value]) =>
      `<tr><td class="key">${escaped(name)}</td><td class="value">${escaped(value)}</td></tr>`,
  );
  return `<table>${rows.join("")}</table>`;
}

/** Change every part of a specification that is an object. */
function walk(part, change) {
  if (part === null || typeof part !== "object") return;
  if (!Array.isArray(part)) change(part);
  for (const inner of Object.values(part)) walk(inner, change);
}

function filled(name, replacements) {
  const specs = data.charts[name];
  let text = JSON.stringify(specs[Object.hasOwn(specs, choice.metric) ? choice.metric : ""]);
  for (const [place, value] of replacements) text = text.replaceAll(place, () => value);
  return JSON.parse(text);
}

const figures = {
  pareto: () => ({ spec: filled("pareto", places("series", choice.series)) }),
  time: () => ({ spec: filled("time", places("series", choice.series)) }),
  precision_recall: () => ({ spec: filled("precision_recall", places("series", choice.series)) }),
  heatmap: () => {
    const { x, y, rows } = plane();
    const spec = filled("heatmap", [...places("x", x, rows), ...places("y", y, rows)]);
    return { spec, rows, tiles: ordered(rows.map((row) => row[field(x)])) };
  },
  iterations: () => {
    const x = field(choice.curve);
    const given = shown().filter((point) => point[x] !== "–");
    const spec = filled("iterations", [
      ...places("curve series", choice.curveSeries, given),
      ...places("curve", choice.curve, given),
    ]);
    const positive = given.every((point) => !(Number(point[x]) <= 0));
    walk(spec, (part) => {
      if (part.type === "symlog" && positive) part.type = "log";
      if (part.groupby) part.groupby = part.groupby.filter((name) => name !== x);
      if (part.detail) part.detail = part.detail.filter((channel) => channel.field !== x);
    });
    return { spec };
  },
  differences: () => {
    if (!Object.hasOwn(data.differences, choice.metric)) return null;
    return { spec: filled("differences", []), rows: records(data.differences[choice.metric]) };
  },
};

/** The plane of the heatmap: its rows differ in two parameters, the others are fixed. */
function plane() {
  const { x, y } = choice;
  const others = data.parameters.filter((name) => name !== x && name !== y);
  const given = shown().filter((p) => p[field(x)] !== "–" && p[field(y)] !== "–");
  const fits = (point) => others.every((o) => !(o in choice.fixed) || point[field(o)] === choice.fixed[o]);
  // Of the planes that fit the choice, that with the most tiles; the first is the best.
  const planes = new Map();
  for (const point of given.some(fits) ? given.filter(fits) : given) {
    const key = JSON.stringify(others.map((o) => point[field(o)]));
    if (!planes.has(key)) planes.set(key, []);
    planes.get(key).push(point);
  }
  const rows = [...planes.values()].reduce((a, b) => (b.length > a.length ? b : a), []);
  return { x, y, others, given, rows };
}

/** Make a chart fit into so many pixels. Tiles have a size of their own; a list is as high as it is long. */
function fit(spec, rows, tiles, room) {
  const legend = (columns) =>
    walk(spec, (part) => {
      if (part.legend?.columns) part.legend.columns = Math.max(1, Math.floor(columns));
    });
  if (tiles) {
    const step = Math.min(TILE.most, Math.max(TILE.least, (room - 150) / tiles.length));
    const slanted = tiles.some((text) => Math.min(text.length, 20) * LETTER > step);
    walk(spec, (part) => {
      if (part.width?.step) part.width = { step };
      if (slanted && part.axis?.labelAngle === 0) Object.assign(part.axis, SLANTED);
    });
    return;
  }
  let listed = false;
  const lines = new Set(rows.map((row) => row.label)).size;
  spec.width = room;
  walk(spec, (part) => {
    if (part.height?.step === undefined) return;
    part.height = part.height.step * lines;
    listed = true;
  });
  if (listed) {
    spec.width = Math.max(room, LISTED);
    // Of names that are too long the end tells them apart.
    const names = 0.55 * spec.width;
    const most = Math.floor(names / LETTER);
    const short = `length(datum.label) > ${most} ? "…" + slice(datum.label, -${most}) : datum.label`;
    walk(spec, (part) => {
      if (part.axis?.labelLimit) Object.assign(part.axis, { labelLimit: 0, labelExpr: short });
    });
    legend((spec.width - names) / NAME);
  } else {
    legend(room / NAME);
    spec.height = room < NARROW ? 280 : 380;
  }
  spec.autosize = { type: "fit-x", contains: "padding" };
}

async function draw(name) {
  const figure = document.querySelector(`[data-figure="${name}"]`);
  const place = figure.querySelector("[data-chart]");
  place.style.minHeight = `${place.offsetHeight}px`; // so that what is below stays where it is
  drawn.get(name)?.finalize();
  drawn.delete(name);
  const found = figures[name]();
  if (!found) {
    place.replaceChildren(element("p", { class: "quiet" }, `${choice.metric} isn't compared.`));
    finish(place);
    return;
  }
  const { spec, rows = shown(), tiles } = found;
  spec.datasets = { points: rows };
  fit(spec, rows, tiles, place.clientWidth - MENU);
  spec.background = "transparent";
  spec.description = figure.querySelector("h3").textContent;
  spec.config = {
    font: "system-ui, sans-serif",
    view: { stroke: null },
    axis: { labelFontSize: 12, titleFontSize: 13, titleFontWeight: "normal", tickCount: 6 },
    legend: { labelFontSize: 12, titleFontSize: 13, titleFontWeight: "normal" },
  };
  const result = await window.vegaEmbed(place, spec, {
    renderer: "svg",
    actions: { export: true, source: false, compiled: false, editor: false },
    downloadFileName: name,
    tooltip: { formatTooltip: tooltip },
    logLevel: 1, // errors; that a layer is empty, e.g. of error bars, is nothing to warn of
  });
  drawn.set(name, result);
  result.view.addEventListener("click", (_, item) => {
    if (item?.datum?.id !== undefined) showPoint(item.datum.id);
  });
  if (!place.querySelector(".role-mark :is(path, text)")) {
    place.replaceChildren(element("p", { class: "quiet" }, "There is nothing to show here."));
  }
  place.querySelector("summary")?.setAttribute("aria-label", "Save this chart");
  finish(place);
}

function finish(place) {
  place.style.minHeight = "";
  place.dataset.drawn = choice.metric;
}

let queue = Promise.resolve();

/** Draw charts one after the other, so that the page answers in between. */
function drawAll(names = Object.keys(data.charts)) {
  for (const name of names) {
    queue = queue
      .then(() => draw(name))
      .catch((error) => {
        console.error(error);
        const place = document.querySelector(`[data-figure="${name}"] [data-chart]`);
        const told = `This chart can't be drawn: ${error.message}`;
        place.replaceChildren(element("p", { class: "notice" }, told));
      });
  }
  return queue;
}

function chose(changes, names) {
  Object.assign(choice, changes);
  buildControls();
  drawAll(names);
}

const named = (names) => names.map((name) => [name, name]);

/** The choices above the charts, and those of single charts. */
function buildControls() {
  const controls = document.getElementById("controls");
  const all = [select("Metric", named(data.metrics), choice.metric, (metric) => chose({ metric }))];
  if (data.parameters.length > 1) {
    const series = named(data.parameters);
    all.push(select("Marks by", series, choice.series, (value) => chose({ series: value })));
  }
  if (data.parts.length > 1) {
    const parts = data.parts.map((part, i) => [String(i), part]);
    all.push(select("Rows of", parts, choice.part, (part) => chose({ part: Number(part), fixed: {} })));
  }
  refill(controls, all);
  if ("heatmap" in data.charts) refill(controlsOf("heatmap"), heatmapControls());
  if ("iterations" in data.charts) refill(controlsOf("iterations"), curveControls());
}

/** Put new controls in the place of old ones; the one in use stays in use. */
function refill(place, controls) {
  const focused = [...place.querySelectorAll("select")].indexOf(document.activeElement);
  place.replaceChildren(...controls);
  if (focused >= 0) place.querySelectorAll("select")[focused]?.focus();
}

const controlsOf = (name) => document.querySelector(`[data-figure="${name}"] [data-controls]`);

function heatmapControls() {
  const { x, y, others, given, rows } = plane();
  const swap = (changes) => chose({ ...changes, fixed: {} }, ["heatmap"]);
  const controls = [
    select("Across", named(data.parameters), x, (v) => swap(v === y ? { x: y, y: x } : { x: v })),
    select("Up", named(data.parameters), y, (v) => swap(v === x ? { x: y, y: x } : { y: v })),
  ];
  for (const other of others) {
    const values = ordered(given.map((point) => point[field(other)]));
    const fix = (value) => chose({ fixed: { [other]: value } }, ["heatmap"]);
    if (values.length > 1) {
      controls.push(select(other, named(values), rows[0]?.[field(other)], fix));
    }
  }
  return controls;
}

function curveControls() {
  const redraw = (changes) => chose(changes, ["iterations"]);
  const others = data.parameters.filter((name) => name !== choice.curve);
  const series = named(others.length ? others : data.parameters);
  return [
    select("Over", named(data.numeric), choice.curve, (curve) => redraw({ curve })),
    select("Colours by", series, choice.curveSeries, (curveSeries) => redraw({ curveSeries })),
  ];
}
