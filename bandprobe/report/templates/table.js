// The table of all targets, by DataTables, and as CSV.
const NUMBERS = [["bins", "bins"], ...["top1_drop", "rank_degradation"].map((name) => [name, study.short_metrics[name]]), ["p_holm", "p (Holm)"]];
const FILTERS = [...AXES, "state", "flag"];
const STATES = ["value, interval excludes zero", "value, interval includes zero", "forced", "N/A"];
let targetTable = null;

function stateText(row) {
  const state = stateOf(row);
  if (state === "value") return includesZero(row, "top1_drop") ? STATES[1] : STATES[0];
  return state === "forced" ? STATES[2] : STATES[3];
}

function buildTable() {
  const tables = library("tables", "DataTables");
  const escape = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  const rows = column.model.map((_, row) => row);
  const columns = AXES.map((name) => ({ data: null, title: name, render: (row) => escape(column[name][row]) }));
  for (const [name, title] of NUMBERS) {
    const shown = (value) => (name === "bins" ? String(value) : number(value));
    columns.push({ data: null, title, type: "num", className: "dt-type-numeric", render: (row, use) => (use === "sort" || use === "type" ? column[name][row] : shown(column[name][row])) });
    const low = column[`${name}_low`], high = column[`${name}_high`];
    if (low) columns.push({ data: null, title: `${title}, interval`, type: "num", className: "dt-type-numeric", render: (row, use) => (use === "sort" || use === "type" ? low[row] : span(low[row], high[row])) });
  }
  columns.push({ data: null, title: "state", render: (row) => escape(stateText(row)) });
  columns.push({ data: null, title: "flags", render: (row) => escape(study.targets.flags[row].join(", ")) });
  columns.push({ data: null, title: "file", orderable: false, searchable: false, render: (row) => `<a href="${escape(targetFile(row))}">file</a>` });
  const element = make("table", { class: "display" }, make("caption", {}, `All targets, with ${percent} intervals. Choose the heading of a column to sort by it.`));
  byId("targets-view").replaceChildren(element);
  targetTable = new tables(element, {
    data: rows, columns, deferRender: true, pageLength: 25, lengthMenu: [25, 100, 500], autoWidth: false, order: [],
    createdRow: (line, row) => line.classList.add(stateOf(row)),
    layout: { topStart: "pageLength", topEnd: "search", bottomStart: "info", bottomEnd: "paging" }, language: { search: "Search" },
  });
  tables.ext.search.push((settings, _texts, _index, row) => settings.nTable !== element || passes(row));
  targetTable.on("draw", () => say(`${targetTable.rows({ search: "applied" }).count()} targets in the table`));
  targetTable.draw();
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
    select.addEventListener("change", () => { drawNow(byId("targets-view")); targetTable.draw(); });
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

function shownRows() {
  drawNow(byId("targets-view"));
  return targetTable.rows({ search: "applied", order: "applied" }).data().toArray();
}
