// Tables that sort by their headings: that of all targets, with filters, a search, pages and CSV.
const NUMBERS = [["bins", "bins"], ...["top1_drop", "rank_degradation"].map((name) => [name, study.short_metrics[name]]), ["p_levels", "p (levels)"], ["p_holm", "p (Holm)"]];
const FILTERS = [...AXES, "state", "flag"];
const STATES = ["value, interval excludes zero", "value, interval includes zero", "forced", "N/A"];
const PAGES = [25, 100, 500];

function stateText(row) {
  const state = stateOf(row);
  if (state === "value") return includesZero(row, "top1_drop") ? STATES[1] : STATES[0];
  return state === "forced" ? STATES[2] : STATES[3];
}

// The heading of a column, whose button sorts: up at first, then down.
function heading(cell, sort) {
  const button = make("button", { type: "button", class: "sort" }, ...cell.childNodes);
  button.addEventListener("click", () => {
    const down = cell.getAttribute("aria-sort") === "ascending";
    for (const other of cell.parentElement.cells) other.removeAttribute("aria-sort");
    cell.setAttribute("aria-sort", down ? "descending" : "ascending");
    sort(down);
  });
  cell.append(button);
  return cell;
}

// Numbers by their size, texts by the alphabet; what is missing stays last.
function compare(one, other, down) {
  if (one === null || other === null) return (one === null) - (other === null);
  const order = typeof one === "number" ? one - other : String(one).localeCompare(String(other), undefined, { numeric: true });
  return down ? -order : order;
}

// A table of the page's text. Cells may name the number that they are sorted by.
function sortable(table) {
  const body = table.tBodies[0];
  const key = (line, at) => (line.cells[at].dataset.value === undefined ? line.cells[at].textContent : line.cells[at].dataset.value === "" ? null : Number(line.cells[at].dataset.value));
  [...table.tHead.rows[0].cells].forEach((cell, at) => {
    if (cell.textContent) heading(cell, (down) => body.append(...[...body.rows].sort((one, other) => compare(key(one, at), key(other, at), down))));
  });
}

function targetColumns() {
  const columns = AXES.map((name) => ({ title: name, key: (row) => column[name][row] }));
  for (const [name, title] of NUMBERS) {
    const low = column[`${name}_low`], high = column[`${name}_high`];
    columns.push({ title, numeric: true, key: (row) => column[name][row], show: (row) => (name === "bins" ? String(column.bins[row]) : number(column[name][row])) });
    if (low) columns.push({ title: `${title}, interval`, numeric: true, key: (row) => low[row], show: (row) => span(low[row], high[row]) });
  }
  columns.push({ title: "state", key: stateText }, { title: "flags", key: (row) => study.targets.flags[row].join(", ") });
  return columns.map((one) => ({ show: one.key, ...one }));
}

// What the table shows: its order, the words searched for, and the page.
const all = column.model.map((_, row) => row);
const targets = { order: all, words: [], size: PAGES[0], page: 0, texts: null };

function shownRows() {
  const chosen = targets.order.filter(passes);
  if (!targets.words.length) return chosen;
  const columns = targetColumns();
  targets.texts ??= all.map((row) => columns.map((one) => one.show(row)).join(" ").toLowerCase());
  return chosen.filter((row) => targets.words.every((word) => targets.texts[row].includes(word)));
}

function buildTable() {
  const columns = targetColumns();
  const head = make("tr", {}, ...columns.map(({ title, key, numeric }) => heading(make("th", { scope: "col", class: numeric ? "num" : null }, title), (down) => {
    targets.order = [...all].sort((one, other) => compare(key(one), key(other), down));
    drawRows(columns);
  })), make("th", { scope: "col" }, "file"));
  const search = make("input", { type: "search" }), size = make("select");
  fill(size, PAGES.map(String));
  search.addEventListener("input", () => { targets.words = search.value.toLowerCase().split(/\s+/).filter(Boolean); drawRows(columns, 0); });
  size.addEventListener("change", () => { targets.size = Number(size.value); drawRows(columns, 0); });
  const turn = (text, by) => {
    const button = make("button", { type: "button" }, text);
    button.addEventListener("click", () => drawRows(columns, targets.page + by));
    return button;
  };
  byId("targets-view").replaceChildren(
    make("div", { class: "controls" }, make("label", {}, "Search ", search), make("label", {}, "Rows ", size)),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of all targets" },
      make("table", { class: "targets" }, make("caption", {}, `All targets, with ${percent} intervals. Choose the heading of a column to sort by it.`), make("thead", {}, head), make("tbody"))),
    make("div", { class: "controls pages" }, turn("Previous", -1), turn("Next", 1), make("span", { class: "info" })),
  );
  drawRows(columns, 0);
}

function drawRows(columns, page = 0) {
  const view = byId("targets-view"), rows = shownRows(), last = Math.max(0, Math.ceil(rows.length / targets.size) - 1);
  targets.page = Math.min(Math.max(page, 0), last);
  const first = targets.page * targets.size, part = rows.slice(first, first + targets.size);
  view.querySelector("tbody").replaceChildren(...part.map((row) => make("tr", { class: stateOf(row) },
    ...columns.map(({ show, numeric }) => make("td", { class: numeric ? "num" : null }, show(row))), make("td", {}, make("a", { href: targetFile(row) }, "file")))));
  const [previous, next] = view.querySelectorAll(".pages button");
  previous.disabled = targets.page === 0;
  next.disabled = targets.page === last;
  view.querySelector(".info").textContent = rows.length ? `${first + 1} to ${first + part.length} of ${rows.length} targets` : "no target";
  say(`${rows.length} targets in the table`);
}

const filterValue = (name) => byId(`filter-${name}`).value;

function passes(row) {
  return FILTERS.every((name) => {
    const wanted = filterValue(name);
    if (wanted === "") return true;
    if (name === "state") return stateText(row) === wanted;
    if (name === "flag") return study.targets.flags[row].includes(wanted);
    return column[name][row] === wanted;
  });
}

function buildFilters() {
  const choices = {
    model: Object.keys(study.layers), layer: [...new Set(column.layer)], readout: study.readouts, mode: Object.keys(study.modes),
    band: study.bands, state: STATES, flag: Object.keys(study.flags),
  };
  byId("target-filters").replaceChildren(...FILTERS.map((name) => {
    const select = make("select", { id: `filter-${name}` });
    fill(select, ["", ...choices[name]], (value) => (value === "" ? "all" : value));
    select.addEventListener("change", () => { drawNow(byId("targets-view")); drawRows(targetColumns(), 0); });
    return make("label", {}, `${name[0].toUpperCase()}${name.slice(1)} `, select);
  }));
}

// Numbers are written in full, so that reading them gives the same numbers.
function csvOf(rows) {
  const names = Object.keys(column);
  const field = (value) => {
    if (value === null || value === undefined) return "";
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const lines = rows.map((row) => [...names.map((name) => column[name][row]), study.targets.flags[row].join(" "), targetFile(row)].map(field).join(","));
  return [[...names, "flags", "target_file"].map(field).join(","), ...lines].join("\n") + "\n";
}
