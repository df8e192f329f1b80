// What the page holds, and what the reader has chosen.

const data = JSON.parse(document.getElementById("data").textContent);

/** A column of a table, as Python's `columnar` wrote it: a value for each row. */
function column(table, name) {
  const { value, values, words, codes } = table.columns[name];
  if (values) return values;
  return words ? codes.map((code) => words[code]) : Array(table.length).fill(value);
}

/** The rows of a table as objects. */
function records(table) {
  const names = Object.keys(table.columns);
  const columns = names.map((name) => column(table, name));
  return Array.from({ length: table.length }, (_, i) =>
    Object.fromEntries(names.map((name, j) => [name, columns[j][i]])),
  );
}

const points = data.points ? records(data.points) : [];

/** What the reader chose, and where on the page; kept over a reload as long as the same can be chosen. */
const choice = {
  ...data.defaults,
  seed: null, // of the gallery
  gallery: "best",
  filter: "",
  allColumns: false,
  sort: null,
  descending: false,
  ...kept(),
};

function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(location.pathname) ?? "{}");
    return found.key === data.key ? found.choice : {};
  } catch {
    return {};
  }
}

function keep() {
  try {
    sessionStorage.setItem(location.pathname, JSON.stringify({ key: data.key, choice }));
  } catch {
    // A browser may forbid files to keep anything; then nothing is kept.
  }
}

/** The field of points that holds a parameter. */
const field = (parameter) => `p${data.parameters.indexOf(parameter)}`;

/** Different texts: numbers by size, then words. */
function ordered(values) {
  const unique = [...new Set(values)];
  const numeric = (text) => text.trim() !== "" && Number.isFinite(Number(text));
  return [
    ...unique.filter(numeric).sort((a, b) => a - b),
    ...unique.filter((text) => !numeric(text)).sort(),
  ];
}

/** An element with attributes and children; texts stay texts. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** A labelled choice among texts. */
function select(label, options, chosen, change) {
  const control = element(
    "select",
    { onchange: () => change(control.value) },
    ...options.map(([value, text]) =>
      element("option", { value, selected: value === String(chosen) }, text),
    ),
  );
  return element("label", {}, label, control);
}

/** A number to four digits; other values as they are. */
function told(value) {
  if (value == null) return "–";
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(3);
}
