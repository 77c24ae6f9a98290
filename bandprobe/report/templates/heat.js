// Heat maps, layer by band. They are tables, so that every reader gets rows, columns and numbers.

// Fractions of a colour scale beyond which text is inverted, in the light and in the dark scheme, to
// keep its contrast above 4.5.
const STRONG = { up: [0.96, 0.57], down: [0.69, 0.65], amount: [0.83, 0.54] };

// One map. `rows`: [{layer, clean, cells: [{state, value, low, high, text, about, row}]}]
function heatTable(title, bands, rows, scale, choose, hasValues = true) {
  const head = make("tr", {}, make("th", { scope: "col" }, "layer"));
  const clean = rows.some((one) => one.clean !== undefined);
  if (clean) head.append(make("th", { scope: "col", class: "clean" }, "untouched"));
  for (const band of bands) head.append(make("th", { scope: "col" }, band));
  const body = make("tbody");
  rows.forEach((one, at) => {
    const line = make("tr", {}, make("th", { scope: "row" }, one.layer));
    if (clean) line.append(make("td", { class: "clean" }, number(one.clean)));
    one.cells.forEach((cell, band) => line.append(heatCell(cell, scale, at === 0 && band === 0, choose)));
    body.append(line);
  });
  const table = make("table", { class: "heat", role: "grid", "aria-label": title }, make("caption", {}, title), make("thead", {}, head), body);
  table.addEventListener("keydown", moveFocus);
  const panel = make("div", { class: "panel scroll" }, table);
  panel.hasValues = hasValues;
  return panel;
}

function heatCell(cell, scale, first, choose) {
  const words = { absent: "N/A", forced: "forced" };
  const text = cell.state === "value" ? cell.text : words[cell.state];
  const element = make("td", { role: "gridcell", tabindex: first ? "0" : "-1", "aria-label": cell.about.join(", "), "data-row": cell.row }, make("span", {}, text));
  element.classList.add(cell.state);
  if (cell.state === "value") {
    const part = Math.min(1, Math.abs(cell.value) / scale.limit);
    element.style.setProperty("--part", part.toFixed(3));
    const hue = scale.two ? (cell.value < 0 ? "down" : "up") : "amount";
    element.classList.add(hue);
    element.classList.toggle("strong-light", part > STRONG[hue][0]);
    element.classList.toggle("strong-dark", part > STRONG[hue][1]);
    element.classList.toggle("zero", cell.includesZero === true);
    element.classList.toggle("chance", cell.atChance === true);
  }
  element.addEventListener("mouseenter", () => showTip(element, cell.about));
  element.addEventListener("mouseleave", hideTip);
  element.choose = () => choose?.(cell, element);
  element.addEventListener("focus", () => { showTip(element, cell.about); element.choose(); keepClear(element); });
  element.addEventListener("blur", hideTip);
  element.addEventListener("click", () => element.focus());
  return element;
}

function moveFocus(event) {
  const cell = event.target.closest("[role=gridcell]");
  if (!cell) return;
  const line = cell.parentElement;
  const lines = [...line.parentElement.rows];
  const cells = [...line.querySelectorAll("[role=gridcell]")];
  let row = lines.indexOf(line), band = cells.indexOf(cell);
  const keys = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  if (keys[event.key]) { row += keys[event.key][0]; band += keys[event.key][1]; }
  else if (event.key === "Home") band = 0;
  else if (event.key === "End") band = cells.length - 1;
  else if (event.key === "Enter") { event.preventDefault(); enterExplorer(); return; }
  else if (event.key === "Escape") { if (byId("tip").hidden && chosenCell) forgetCell(); else hideTip(); return; }
  else return;
  event.preventDefault();
  const target = lines[row]?.querySelectorAll("[role=gridcell]")[band];
  if (!target) return;
  cell.tabIndex = -1;
  target.tabIndex = 0;
  target.focus();
}

// The box of the chosen cell must not cover it.
function keepClear(element) {
  const box = byId("cell").getBoundingClientRect(), cell = element.getBoundingClientRect();
  if (!byId("cell").hidden && cell.bottom + 8 > box.top && cell.top < box.bottom) scrollBy(0, cell.bottom + 8 - box.top);
}

function showTip(element, lines) {
  const tip = byId("tip");
  tip.textContent = lines.join("\n");
  tip.hidden = false;
  const place = element.getBoundingClientRect(), size = tip.getBoundingClientRect();
  const left = Math.max(4, Math.min(place.left, innerWidth - size.width - 4));
  const above = place.top - size.height - 6;
  tip.style.left = `${left}px`;
  tip.style.top = `${above > 4 ? above : place.bottom + 6}px`;
}

function hideTip() { byId("tip").hidden = true; }

// Numbers of a target for the tooltip and for screen readers, the most important first.
function aboutTarget(row, cell, metric) {
  const lines = [`${cell.model}, ${cell.layer}, ${cell.band}`];
  const state = stateOf(row);
  if (row === undefined) return [...lines, "N/A: not part of the study"];
  const flags = study.targets.flags[row];
  if (state === "absent") return [...lines, `N/A: ${flags.join(", ")}`];
  if (state === "forced") lines.push(`forced: fixed by construction, not a finding (${flags.join(", ")})`);
  lines.push(`${study.metrics[metric]}: ${number(column[metric][row])} (${span(column[`${metric}_low`][row], column[`${metric}_high`][row])})`);
  if (state === "value" && includesZero(row, metric)) lines.push("the interval includes zero");
  for (const [name, text] of Object.entries(study.controls)) {
    const drop = column[`${name}_${metric}`]?.[row];
    if (drop !== undefined && drop !== null) lines.push(`${text}: ${number(drop)} (${span(column[`${name}_${metric}_low`][row], column[`${name}_${metric}_high`][row])})`);
  }
  if (column.p_holm[row] !== null) lines.push(`corrected p (Holm): ${number(column.p_holm[row])}`);
  if (state === "value" && flags.length) lines.push(`caution: ${flags.join(", ")}`);
  return lines;
}

function targetCell(model, layer, band, choice) {
  const cell = { model, layer, band, readout: choice.readout, mode: choice.mode };
  const row = findRow(cell), state = stateOf(row);
  const found = { state, row, cell, about: aboutTarget(row, cell, choice.metric) };
  if (state === "value") {
    found.value = column[choice.metric][row];
    found.includesZero = includesZero(row, choice.metric);
    found.atChance = study.targets.flags[row].includes(study.at_chance);
    found.text = found.includesZero ? `(${short(found.value)})` : short(found.value);
    if (found.value === null) { found.state = "absent"; }
  }
  return found;
}

const short = (value) => (value === null ? "N/A" : Math.abs(value) < 0.005 ? "0" : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2));

// One scale for all models and readouts of a mode and metric, so that they can be compared. Its legend
// shows the part that is used.
function scaleOf(choice, readouts) {
  const values = column.model.map((_, row) => row).filter((row) => column.mode[row] === choice.mode && readouts.includes(column.readout[row]) && stateOf(row) === "value").map((row) => column[choice.metric][row]);
  return twoSided(values);
}

function twoSided(values) {
  const known = values.filter((value) => value !== null);
  const low = Math.min(0, ...known), high = Math.max(0, ...known);
  return { low, high, limit: Math.max(1e-9, -low, high), two: true };
}

function heatLegend(scale, text, chance = false) {
  const ends = scale.two ? [number(scale.low), number(scale.high)] : ["0", number(scale.limit)];
  const ramp = make("span", { class: `ramp ${scale.two ? "two" : "one"}` });
  if (scale.two) {
    const share = (value) => `${(100 * value).toFixed(1)}%`;
    ramp.style.setProperty("--low", share(-scale.low / scale.limit));
    ramp.style.setProperty("--high", share(scale.high / scale.limit));
    ramp.style.setProperty("--zero", share(-scale.low / Math.max(scale.high - scale.low, 1e-9)));
  }
  return [
    make("span", {}, `${text}: ${ends[0]} `, ramp, ` ${ends[1]}`),
    scale.two ? make("span", {}, "(in brackets): the interval includes zero") : null,
    chance ? make("span", {}, make("span", { class: "swatch chance" }), " readout at chance: says nothing") : null,
    make("span", {}, make("span", { class: "swatch absent" }), " N/A: no number, which does not mean zero"),
    make("span", {}, make("span", { class: "swatch forced" }), " forced: fixed by construction, not a finding"),
  ].filter(Boolean);
}

// The numbers of a chosen cell, with links to its figure and its file.
function showCell(cell) {
  const box = byId("cell"), row = cell.row;
  chosenCell = cell.cell;
  writeView();
  for (const other of document.querySelectorAll("td.chosen")) other.classList.remove("chosen");
  box.hidden = false;
  box.classList.remove("with-images");
  const where = cell.cell;
  const title = make("p", { class: "title" }, AXES.map((axis) => where[axis]).join(" / "));
  const close = make("button", { type: "button" }, "Close");
  close.addEventListener("click", forgetCell);
  if (row === undefined) { box.replaceChildren(close, title, make("p", {}, "N/A: not part of the study.")); return; }
  const list = make("dl");
  const add = (name, text) => list.append(make("dt", {}, name), make("dd", {}, text));
  for (const [metric, text] of Object.entries(study.metrics)) {
    add(text, column[metric][row] === null ? "N/A" : `${number(column[metric][row])} (${span(column[`${metric}_low`][row], column[`${metric}_high`][row])})`);
  }
  add("top-1 accuracy, untouched and changed", `${number(column.clean_top1[row])} (${span(column.clean_top1_low[row], column.clean_top1_high[row])}) and ${number(column.top1[row])} (${span(column.top1_low[row], column.top1_high[row])})`);
  for (const metric of ["top1_drop", "rank_degradation"]) {
    for (const [name, text] of Object.entries(study.controls)) {
      const key = `${name}_${metric}`;
      if (column[key]?.[row] === null || column[key] === undefined) continue;
      add(`${study.metrics[metric]}, ${text}`, `${number(column[key][row])} (${span(column[`${key}_low`][row], column[`${key}_high`][row])}); band minus random ${number(column[`${key}_excess`][row])} (${span(column[`${key}_excess_low`][row], column[`${key}_excess_high`][row])})`);
    }
  }
  add(`p of the sign test over ${study.units}`, `${number(column.p_value[row])}; corrected ${number(column.p_holm[row])} (Holm), ${number(column.p_bh[row])} (Benjamini-Hochberg), ${number(column.p_levels[row])} (in levels)${column.distinct[row] === 0 ? "; another mode does the same to this band, and is counted instead" : ""}`);
  if (column.detectable_drop[row] !== null && includesZero(row, "top1_drop")) add("smallest drop in top-1 accuracy that would have been found in 80 % of repetitions, corrected", number(column.detectable_drop[row]));
  add("frequency bins in the band", String(column.bins[row]));
  for (const flag of study.targets.flags[row]) add(`${study.flags[flag].kind}: ${flag}`, study.flags[flag].meaning);
  const links = make("p", { class: "links" });
  const figure = `${byId("metric").value}_${where.readout}`;
  if (study.figures.includes(figure)) links.append(make("a", { href: `figures/${figure}.svg` }, "figure"), " · ");
  links.append(make("a", { href: targetFile(row) }, "target file"));
  const images = explorerOf(where, row);
  if (images.some((part) => part.matches(".explorer"))) box.classList.add("with-images");
  box.replaceChildren(close, title, ...images, list, links);
}

// Closes the box, and the focus goes back to the table.
function forgetCell() {
  const element = document.querySelector("td.chosen");
  element?.focus({ preventScroll: true });
  element?.classList.remove("chosen");
  byId("cell").hidden = true;
  chosenCell = null;
  chosenRule = null;
  writeView();
}

const targetFile = (row) => `targets/${AXES.map((axis) => encodeURIComponent(column[axis][row])).join("/")}.json`;
