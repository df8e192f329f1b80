// The table of all rows: sorted, filtered, copied.

const PAGE = 100; // rows shown at once
const SHORT = ["results", "repeat", "nfe", "status", "error", "seconds"];

const rowCount = data.rows?.length ?? 0;
const rowNames = data.rows ? Object.keys(data.rows.columns) : [];
const rowColumns = new Map(rowNames.map((name) => [name, column(data.rows, name)]));

/** What a row has in a column; undefined if there is no such column. */
const cell = (name, i) => rowColumns.get(name)?.[i];

const view = { shown: PAGE, order: [] };

const varies = (name) => !("value" in data.rows.columns[name]);
// What needs no place where all rows have it: not that all of them failed, and why.
const isUsual = (name) => !["status", "error"].includes(name) || ["ok", null].includes(cell(name, 0));
const isNumeric = (name) => rowColumns.get(name).some((value) => typeof value === "number");
const numeric = new Set(rowNames.filter(isNumeric));

/** The columns to show: those that rows differ in and that people look at first, or all. */
function visible() {
  if (choice.allColumns) return rowNames;
  const wanted = new Set([...data.parameters, ...data.metrics, ...SHORT]);
  const telling = (name) => varies(name) || data.metrics.includes(name) || !isUsual(name);
  return rowNames.filter((name) => wanted.has(name) && telling(name));
}

const COMPARISON = /^([^<>=!~]+)(<=|>=|!=|==|=|<|>)(.*)$/;

/** A column by its name, or by its end where only one column ends so: `step_size`. */
function namedColumn(word) {
  if (rowColumns.has(word)) return word;
  const ends = rowNames.filter((name) => name.endsWith(`.${word}`));
  return ends.length === 1 ? ends[0] : null;
}

/** A word of the filter as a condition on a row. */
function condition(word) {
  const [, left, operator, right] = word.match(COMPARISON) ?? [];
  const name = left && namedColumn(left);
  if (!name) {
    const wanted = word.toLowerCase();
    return (i) => rowNames.some((c) => String(cell(c, i) ?? "").toLowerCase().includes(wanted));
  }
  const values = rowColumns.get(name);
  const number = Number(right);
  const isNumber = right.trim() !== "" && !Number.isNaN(number);
  const equal = (i) => {
    const value = values[i];
    if (isNumber && typeof value === "number") return value === number;
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
        if (typeof value !== "number" || !isNumber) return false;
        return (below ? value < number : value > number) || (also && value === number);
      };
    }
  }
}

function filterAndSort() {
  const words = choice.filter.match(/[^\s"]*"[^"]*"|\S+/g) ?? [];
  const conditions = words.map((word) => condition(word.replaceAll('"', "")));
  view.order = [];
  for (let i = 0; i < rowCount; i++) if (conditions.every((c) => c(i))) view.order.push(i);
  const values = rowColumns.get(choice.sort);
  if (!values) return;
  const sign = choice.descending ? -1 : 1;
  view.order.sort((a, b) => {
    const [left, right] = [values[a], values[b]];
    if (left == null || right == null) return (left == null) - (right == null); // last both ways
    if (typeof left === "number" && typeof right === "number") return sign * (left - right);
    return sign * String(left).localeCompare(String(right), undefined, { numeric: true });
  });
}

function sortBy(name) {
  choice.descending = choice.sort === name && !choice.descending;
  choice.sort = name;
  fillTable();
  [...document.querySelectorAll("#table th button")].find((b) => b.dataset.column === name)?.focus();
}

function header(name) {
  const sorted = choice.sort === name;
  const mark = sorted ? (choice.descending ? " ▼" : " ▲") : "";
  const direction = sorted ? (choice.descending ? "descending" : "ascending") : "none";
  const parts = name.split(/(?<=[._])/).flatMap((part) => [part, element("wbr")]);
  const attributes = { type: "button", "data-column": name, onclick: () => sortBy(name) };
  const button = element("button", attributes, ...parts, mark);
  const look = numeric.has(name) && "number";
  return element("th", { scope: "col", "aria-sort": direction, class: look }, button);
}

function tableRow(i, names) {
  const details = element(
    "button",
    { type: "button", "aria-label": `Details of row ${i + 1}`, onclick: () => showRow(i) },
    String(i + 1),
  );
  const cells = names.map((name) => {
    const value = cell(name, i);
    const bad = name === "status" && value !== "ok";
    return element("td", { class: numeric.has(name) ? "number" : bad && "bad" }, told(value));
  });
  return element("tr", {}, element("td", { class: "number" }, details), ...cells);
}

const rowsTold = (number) => `${number} ${number === 1 ? "row" : "rows"}`;

function fillTable() {
  filterAndSort();
  const names = visible();
  const body = view.order.slice(0, view.shown).map((i) => tableRow(i, names));
  const corner = element("th", { scope: "col", class: "number" }, "row");
  document.getElementById("table").replaceChildren(
    element("thead", {}, element("tr", {}, corner, ...names.map(header))),
    element("tbody", {}, ...body),
  );
  const rest = view.order.length - body.length;
  const more = document.getElementById("more");
  more.hidden = rest <= 0;
  more.textContent = rest > 10 * PAGE ? `Show ${10 * PAGE} more of ${rest}` : `Show ${rest} more`;
  const some = view.order.length < rowCount ? `${view.order.length} of ` : "";
  document.getElementById("count").textContent = some + rowsTold(rowCount);
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
  for (const i of view.order) lines.push(rowNames.map((name) => csv(cell(name, i))).join(","));
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
    say(`Copied ${rowsTold(view.order.length)}`);
  } catch {
    // Not every browser lets a file write to the clipboard: then the old way.
    const area = element("textarea", { readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    say(document.execCommand("copy") ? `Copied ${rowsTold(view.order.length)}` : "Can't copy here");
    area.remove();
  }
}

function startTable() {
  if (!document.getElementById("table")) return;
  const filter = document.getElementById("filter");
  const allColumns = document.getElementById("all-columns");
  filter.value = choice.filter;
  allColumns.checked = choice.allColumns;
  let waiting;
  filter.addEventListener("input", () => {
    choice.filter = filter.value;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      view.shown = PAGE;
      fillTable();
    }, 120);
  });
  allColumns.addEventListener("change", () => {
    choice.allColumns = allColumns.checked;
    fillTable();
  });
  document.getElementById("copy").addEventListener("click", copyCsv);
  document.getElementById("more").addEventListener("click", () => {
    view.shown += 10 * PAGE;
    fillTable();
  });
  fillTable();
}
