// Sample grids side by side, and all there is to know about one row.

const GALLERY = 12; // grids shown at first

const dialog = document.getElementById("details");

/** Rows of a configuration. */
const rowsOf = (id) => members.get(id) ?? [];
const members = new Map(points.map((point) => [point.id, []]));
data.members?.forEach((id, i) => members.get(id).push(i));

const pictureOf = (i) => data.pictures[cell("fingerprint", i)] ?? {};

/** The picture of a row and what it is of; as large as its place. */
function grid(i, kind, text) {
  const source = pictureOf(i)[kind];
  return source ? element("img", { src: source, alt: text }) : null;
}

function rowTitle(i) {
  const results = rowColumns.has("results") ? `${cell("results", i)}: ` : "";
  return `${results}${points[data.members[i]].label}`;
}

const rowPlace = (i) => `repeat ${told(cell("repeat", i))}, seed ${told(cell("seed", i))}`;

function rowMeasures(i) {
  const measured = data.metrics.filter((m) => cell(m, i) != null);
  const parts = measured.slice(0, 4).map((m) => `${m} ${told(cell(m, i))}`);
  if (cell("nfe", i) != null) parts.unshift(`NFE ${told(cell("nfe", i))}`);
  return parts.join(" · ");
}

function card(i) {
  const title = rowTitle(i);
  return element(
    "figure",
    {},
    element(
      "button",
      { type: "button", class: "picture", "aria-label": `Details of ${title}`, onclick: () => showRow(i) },
      grid(i, "images", `Samples of ${title}`),
    ),
    element("figcaption", {}, element("strong", {}, title), element("br"), rowMeasures(i)),
  );
}

/** One grid for each kind of mark, its best configuration, all of one seed; or every grid. */
function fillGallery() {
  const place = document.getElementById("gallery");
  const controls = document.getElementById("gallery-controls");
  if (!place) return;
  const pictured = shown().flatMap((point) => rowsOf(point.id)).filter((i) => pictureOf(i).images);
  document.getElementById("samples").hidden = !pictured.length;
  if (!pictured.length) return;
  const seeds = [...new Set(pictured.map((i) => cell("seed", i)))];
  if (!seeds.includes(choice.seed)) choice.seed = seeds[0];
  let rows = pictured.filter((i) => cell("seed", i) === choice.seed);
  if (choice.gallery === "best") {
    const best = new Map();
    for (const i of rows) {
      const key = points[data.members[i]][field(choice.series)];
      if (!best.has(key)) best.set(key, i);
    }
    rows = [...best.values()].slice(0, GALLERY);
  }
  place.replaceChildren(...rows.map(card));
  const redo = (changes) => {
    Object.assign(choice, changes);
    fillGallery();
  };
  const what = [["best", `the best of each ${choice.series}`], ["all", "all configurations"]];
  const made = [select("Show", what, choice.gallery, (gallery) => redo({ gallery }))];
  if (seeds.length > 1) {
    const options = seeds.map((seed, i) => [String(i), told(seed)]);
    made.push(select("Seed", options, seeds.indexOf(choice.seed), (i) => redo({ seed: seeds[i] })));
  }
  refill(controls, made);
}

/** A row's parameters and measurements, as a list of terms. */
function facts(i) {
  const list = element("dl", {});
  for (const name of rowNames) {
    const value = cell(name, i);
    if (value != null && name !== "error") {
      list.append(element("dt", {}, name), element("dd", {}, String(value)));
    }
  }
  return list;
}

/** The exact command that runs one row again. */
function reproduction(i) {
  const whole = data.commands[cell("results", i) ?? data.name];
  const fingerprint = cell("fingerprint", i);
  if (!whole || !fingerprint) return [];
  const short = String(fingerprint).slice(0, 12);
  const line = `${whole.line} --only ${short} --results ${whole.place}-${short}`;
  const where = `In ${whole.folder} as seen from the results directory:`;
  return [
    element("h3", {}, "Run this row again"),
    whole.folder && element("p", { class: "quiet" }, where),
    element("pre", { tabindex: "0" }, element("code", {}, line)),
  ];
}

function half(i) {
  const title = rowTitle(i);
  return element(
    "div",
    {},
    element("p", {}, element("strong", {}, title), element("br"), element("small", {}, rowMeasures(i))),
    grid(i, "images", `Samples of ${title}`) ??
      element("p", { class: "quiet" }, "No picture of this row is in this page."),
    grid(i, "trajectories", `From noise to sample: ${title}`),
  );
}

/** Other rows of the same seed that have a picture. */
function companions(i) {
  const seed = cell("seed", i);
  const fits = (j) => j !== i && cell("seed", j) === seed && pictureOf(j).images;
  return seed == null ? [] : [...members.values()].flat().filter(fits);
}

function showRow(i) {
  const others = pictureOf(i).images ? companions(i) : [];
  const options = [["", "nothing"], ...others.map((j) => [String(j), rowTitle(j)])];
  const pair = element("div", { class: "pair" }, half(i));
  const compare = (j) => pair.replaceChildren(half(i), ...(j ? [half(Number(j))] : []));
  const error = cell("error", i);
  const strip = "Below the grid: from noise to sample, a row each, of its first samples.";
  const content = [
    element("form", { method: "dialog" }, element("button", { "aria-label": "Close" }, "✕")),
    element("h2", { id: "details-title" }, `Row ${i + 1}: ${rowTitle(i)}`),
    element("p", { class: "quiet" }, rowPlace(i)),
    error && element("p", { class: "notice" }, `${cell("status", i)}: ${error}`),
    others.length &&
      element("div", { class: "controls" }, select("Beside it, from the same noise", options, "", compare)),
    pair,
    pictureOf(i).trajectories && element("p", { class: "quiet" }, strip),
    ...reproduction(i),
    element("h3", {}, "All of it"),
    facts(i),
  ];
  dialog.replaceChildren(...content.filter(Boolean));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

/** The row that stands for a configuration: the first that has a picture, else the first. */
function showPoint(id) {
  const rows = rowsOf(id);
  if (rows.length) showRow(rows.find((i) => pictureOf(i).images) ?? rows[0]);
}
