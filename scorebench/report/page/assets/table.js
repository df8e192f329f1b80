// The table of all rows: sorted, filtered, copied.

const PAGE = 100; // rows shown at once
const SHORT = ["results", "repeat", "nfe", "status", "error", "seconds"];

const rowCount = data.rows?.length ?? 0;
const rowNames = data.rows ? Object.keys(data.rows.columns).filter((name) => name !== "point") : [];
const rowColumns = data.rows
  ? Object.fromEntries(Object.keys(data.rows.columns).map((name) => [name, column(data.rows, name)]))
  : {};

const view = { sort: null, descending: false, shown: PAGE, order: [] };

const varies = (name) => !("value" in data.rows.columns[name]);

/** The columns to show: those that rows differ in and that people look at first, or all. */
function visible() {
  if (document.getElementById("all-columns").checked) return rowNames;
  const wanted = new Set([...data.parameters, ...data.metrics, ...SHORT]);
  return rowNames.filter((name) => wanted.has(name) && (varies(name) || data.metrics.includes(name)));
}

const COMPARISON = /^([^<>=!~]+)(<=|>=|!=|==|=|<|>)(.*)$/;

/** A column by its name, or by its end where only one column ends so: `step_size`. */
function namedColumn(word) {
  if (word in rowColumns) return word;
  const ends = rowNames.filter((name) => name.endsWith(`.${word}`));
  return ends.length === 1 ? ends[0] : null;
}

/** A word of the filter as a condition on a row. */
function condition(word) {
  const [, left, operator, right] = word.match(COMPARISON) ?? [];
  const name = left && namedColumn(left);
  if (!name) {
    const wanted = word.toLowerCase();
    return (i) => rowNames.some((c) => String(rowColumns[c][i] ?? "").toLowerCase().includes(wanted));
  }
  const values = rowColumns[name];
  const number = Number(right);
  const numeric = right.trim() !== "" && !Number.isNaN(number);
  const equal = (i) => {
    const value = values[i];
    if (numeric && typeof value === "number") return value === number;
    return String(value ?? "–").toLowerCase() === right.toLowerCase();
  };
  switch (operator) {
    case "=":
    case "==":
      return equal;
    case "!=":
      return (i) => !equal(i);
    default: {
      const below = operator.startsWith("<");
      const also = operator.length === 2;
      return (i) => {
        const value = values[i];
        if (typeof value !== "number" || !numeric) return false;
        return (below ? value < number : value > number) || (also && value === number);
      };
    }
  }
}

function filterAndSort() {
  const words = document.getElementById("filter").value.match(/[^\s"]*"[^"]*"|\S+/g) ?? [];
  const conditions = words.map((word) => condition(word.replaceAll('"', "")));
  view.order = [];
  for (let i = 0; i < rowCount; i++) if (conditions.every((c) => c(i))) view.order.push(i);
  if (view.sort === null) return;
  const values = rowColumns[view.sort];
  const sign = view.descending ? -1 : 1;
  view.order.sort((a, b) => {
    const [left, right] = [values[a], values[b]];
    if (left == null || right == null) return (left == null) - (right == null); // last both ways
    if (typeof left === "number" && typeof right === "number") return sign * (left - right);
    return sign * String(left).localeCompare(String(right), undefined, { numeric: true });
  });
}

function sortBy(name) {
  view.descending = view.sort === name && !view.descending;
  view.sort = name;
  fillTable();
  [...document.querySelectorAll("#table th button")].find((b) => b.dataset.column === name)?.focus();
}

function header(name) {
  const sorted = view.sort === name;
  const mark = sorted ? (view.descending ? " ▼" : " ▲") : "";
  const direction = sorted ? (view.descending ? "descending" : "ascending") : "none";
  const parts = name.split(/(?<=[._])/).flatMap((part) => [part, element("wbr")]);
  const attributes = { type: "button", "data-column": name, onclick: () => sortBy(name) };
  const button = element("button", attributes, ...parts, mark);
  return element("th", { scope: "col", "aria-sort": direction }, button);
}

function tableRow(i, names) {
  const details = element(
    "button",
    { type: "button", "aria-label": `Details of row ${i + 1}`, onclick: () => showRow(i) },
    String(i + 1),
  );
  const cells = names.map((name) => {
    const value = rowColumns[name][i];
    const number = typeof value === "number";
    const bad = name === "status" && value !== "ok";
    return element("td", { class: `${number ? "number" : ""} ${bad ? "bad" : ""}`.trim() || null }, told(value));
  });
  return element("tr", {}, element("td", { class: "number" }, details), ...cells);
}

function fillTable() {
  filterAndSort();
  const names = visible();
  const body = view.order.slice(0, view.shown).map((i) => tableRow(i, names));
  document.getElementById("table").replaceChildren(
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "row"), ...names.map(header))),
    element("tbody", {}, ...body),
  );
  const rest = view.order.length - body.length;
  const more = document.getElementById("more");
  more.hidden = rest <= 0;
  more.textContent = `Show ${Math.min(rest, 10 * PAGE)} more of ${rest}`;
  const all = view.order.length === rowCount;
  document.getElementById("count").textContent = all ? `${rowCount} rows` : `${view.order.length} of ${rowCount} rows`;
}

/** A value as a field of a CSV file; text that a spreadsheet would run as a formula is quoted. */
function csv(value) {
  if (value == null) return "";
  let text = String(value);
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function asCsv() {
  const lines = [rowNames.map(csv).join(",")];
  for (const i of view.order) lines.push(rowNames.map((name) => csv(rowColumns[name][i])).join(","));
  return lines.join("\n") + "\n";
}

async function copyCsv() {
  const text = asCsv();
  const button = document.getElementById("copy");
  const say = (word) => {
    button.textContent = word;
    setTimeout(() => (button.textContent = "Copy as CSV"), 2000);
  };
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied ${view.order.length} rows`);
  } catch {
    // Not every browser lets a file write to the clipboard: then the old way.
    const area = element("textarea", { readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    say(document.execCommand("copy") ? `Copied ${view.order.length} rows` : "Can't copy here");
    area.remove();
  }
}

function startTable() {
  if (!document.getElementById("table")) return;
  const filter = document.getElementById("filter");
  let waiting;
  filter.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      view.shown = PAGE;
      fillTable();
    }, 120);
  });
  document.getElementById("all-columns").addEventListener("change", fillTable);
  document.getElementById("copy").addEventListener("click", copyCsv);
  document.getElementById("more").addEventListener("click", () => {
    view.shown += 10 * PAGE;
    fillTable();
  });
  fillTable();
}
