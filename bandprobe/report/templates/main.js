// Controls, and the views that each of them changes.
const layersOf = (models) => models.flatMap((model) => study.layers[model].map((layer) => [model, layer]));
const note = (text) => make("p", {}, text);

function choice() {
  return { readout: byId("readout").value, mode: byId("mode").value, metric: byId("metric").value };
}

// Pairs of a readout and a mode that have any number.
let defined;
function isDefined(readout, mode) {
  defined ??= new Set(column.model.map((_, row) => (stateOf(row) === "absent" ? null : `${column.readout[row]}\n${column.mode[row]}`)));
  return defined.has(`${readout}\n${mode}`);
}

// Modes without numbers for the chosen readout cannot be chosen.
function offerModes() {
  const readouts = shownReadouts(), options = [...byId("mode").options];
  for (const option of options) option.disabled = !readouts.some((readout) => isDefined(readout, option.value));
  if (byId("mode").selectedOptions[0]?.disabled) byId("mode").value = (options.find((option) => !option.disabled) ?? options[0]).value;
}

// No readout is chosen: all of them, side by side.
const shownReadouts = () => (byId("readout").value === "" ? study.readouts : [byId("readout").value]);

// Whether a readout has any target of a model under a mode.
const exists = (model, readout, mode) => study.layers[model].some((layer) => findRow({ model, layer, readout, mode, band: study.bands[0] }) !== undefined);

// What a readout can see, and its maps, one per model.
function readoutBlock(readout, models, now, scale) {
  const panels = models.filter((model) => exists(model, readout, now.mode)).map((model) => {
    const rows = study.layers[model].map((layer) => {
      const cells = study.bands.map((band) => targetCell(model, layer, band, { ...now, readout }));
      const row = cells.find((cell) => cell.row !== undefined)?.row;
      return { layer, clean: row === undefined ? null : column.clean_top1[row], cells };
    });
    return heatTable(`${model}: ${now.mode}, ${readout} readout`, study.bands, rows, scale, (cell, element) => { showCell(cell); element.classList.add("chosen"); }, rows.some((row) => row.cells.some((cell) => cell.state === "value")));
  });
  if (!panels.length) return [];
  const head = make("p", { class: "sees" }, make("strong", {}, readout), study.sees[readout] ? `: ${study.sees[readout]}` : "");
  // All cells are forced or missing: nothing to see, unless it was asked for.
  const any = panels.some((panel) => panel.hasValues);
  if (!any && now.readout === "") return [make("p", { class: "sees" }, ...head.childNodes, " Under this mode all its values are fixed by construction or missing: choose it to see them.")];
  return [head, ...panels];
}

function drawUsed() {
  offerModes();
  const now = choice(), models = chosenModels(), readouts = shownReadouts(), scale = scaleOf(now, readouts);
  const blocks = readouts.flatMap((readout) => readoutBlock(readout, models, now, scale));
  byId("heat-legend").hidden = false;
  byId("heat-legend").replaceChildren(...heatLegend(scale, study.metrics[now.metric], true));
  byId("cell").hidden = true;
  replaceView(byId("used-view"), ...(blocks.length ? blocks : [note("None of the chosen models has targets of this readout and mode.")]));
  const figures = readouts.map((readout) => `${now.metric}_${readout}`).filter((figure) => study.figures.includes(figure));
  const links = figures.flatMap((figure, at) => [at ? ", " : figures.length > 1 ? "Figures: " : "Figure: ", make("a", { href: `figures/${figure}.svg` }, figure)]);
  byId("used-sources").replaceChildren(...links, links.length ? ". " : "", "Data: ", make("a", { href: "summary/interventions.csv" }, "interventions.csv"), ".");
  return `${now.mode}, ${now.readout === "" ? "all readouts" : `${now.readout} readout`}, ${study.metrics[now.metric]}`;
}

// Where no readout is chosen, that of the pattern, or the first.
const controlsReadout = () => byId("readout").value || (study.readouts.includes("pattern") ? "pattern" : study.readouts[0]);

function drawControls() {
  offerModes();
  const now = { ...choice(), readout: controlsReadout() }, models = chosenModels();
  const kinds = Object.entries(study.controls).filter(([name]) => column[`${name}_${now.metric}`]);
  const has = (model, layer) => kinds.some(([name]) => seriesOf("", model, layer, now.readout, now.mode, `${name}_${now.metric}`).values.some((value) => value !== null));
  const cards = layersOf(models).filter(([model, layer]) => has(model, layer)).map(([model, layer]) => {
    const band = seriesOf("the band", model, layer, now.readout, now.mode, now.metric);
    const random = kinds.map(([name, text]) => seriesOf(text, model, layer, now.readout, now.mode, `${name}_${now.metric}`));
    return bandPoints(`${model}: ${layer}`, study.bands, emptyBands(band.rows), [band, ...random], study.metrics[now.metric], true);
  });
  replaceView(byId("controls-view"), ...(cards.length ? [note(`${now.readout} readout, ${now.mode}.`), ...cards] : [note("This readout, mode and metric have no random controls.")]));
}

function drawAvailable() {
  const mode = byId("available-mode").value;
  const names = study.compared;
  const readouts = study.readouts.filter((readout) => names[readout]);
  const cards = layersOf(chosenModels()).map(([model, layer]) => {
    const series = readouts.map((readout) => accuracyOf(names[readout], model, layer, readout, mode)).filter((one) => one.values.some((value) => value !== null));
    return series.length ? bandPoints(`${model}: ${layer}`, study.bands, emptyBands(series[0].rows), series, "top-1 accuracy", false) : null;
  }).filter(Boolean);
  replaceView(byId("available-view"), ...(cards.length ? cards : [note("None of the chosen models has targets under this mode.")]));
  const figure = `used_available_${mode}`;
  byId("available-sources").replaceChildren(...(study.figures.includes(figure) ? ["Figure: ", make("a", { href: `figures/${figure}.svg` }, figure), ". "] : []), "Data: ", make("a", { href: "summary/interventions.csv" }, "interventions.csv"), ".");
  return `used and available, ${mode}`;
}

// Layers as rows and bands as columns, of amounts that are never negative or of values with a sign.
function bandHeat(title, bands, rows, scale) {
  return heatTable(title, bands, rows.map(({ layer, bins, values: [mean, low, high], forced }) => ({
    layer,
    cells: bands.map((band, at) => {
      const state = bins[at] === 0 || mean[at] === null ? "absent" : forced?.[at] === 1 ? "forced" : "value";
      const zero = scale.two && low[at] !== null && low[at] <= 0 && high[at] >= 0;
      const about = [`${layer}, ${band}`, state === "absent" ? "N/A: no frequency bin in the band" : `${number(mean[at])} (${span(low[at], high[at])})`];
      if (state === "forced") about.push("forced: the readout has no weight in the band");
      return { state, value: mean[at], includesZero: zero, text: zero ? `(${short(mean[at])})` : short(mean[at]), about };
    }),
  })), scale, null);
}

const largest = (lists) => Math.max(1e-9, ...lists.flat().filter((value) => value !== null).map(Math.abs));

function drawSpectra() {
  const [kind, name] = byId("spectra-quantity").value.split(":"), spectra = study.spectra, models = chosenModels();
  const rowsOf = (model) => spectra.rows.filter((row) => row.model === model);
  const views = [];
  if (kind === "bands") {
    const scale = { limit: largest(spectra.rows.map((row) => row.bands[name][0])), two: false };
    const bins = name.endsWith("without_dc") ? "bins_without_dc" : "bins";
    for (const model of models) {
      views.push(bandHeat(`${model}: ${spectra.bands[name]}`, study.bands, rowsOf(model).map((row) => ({ layer: row.layer, bins: row[bins], values: row.bands[name] })), scale));
    }
    views.unshift(make("p", { class: "legend" }, ...heatLegend(scale, spectra.bands[name]).slice(0, 2)));
  } else if (kind === "curves") {
    const { label, axis, log } = spectra.curves[name];
    for (const model of models) {
      const lines = rowsOf(model).filter((row) => row.curves[name][0].length).map((row) => ({ text: row.layer, x: row.curves[name][0], y: row.curves[name][1], low: row.curves[name][2], high: row.curves[name][3] }));
      if (lines.length) views.push(lineCard(`${model}: ${label}`, axis, label, lines, log));
      if (name === "delta_log_amplitude") for (const [layer, why] of Object.entries(spectra.notes[model] ?? {})) views.push(note(`${model}, ${layer}: N/A. ${why}`));
    }
  } else {
    const lines = models.map((model) => {
      const rows = rowsOf(model), values = rows.map((row) => row.centroids[name]);
      return { text: model, labels: rows.map((row) => row.layer), x: rows.map((_, at) => (rows.length < 2 ? 0 : at / (rows.length - 1))), y: values.map((one) => one[0]), low: values.map((one) => one[1]), high: values.map((one) => one[2]) };
    });
    views.push(lineCard(spectra.centroids[name], "depth among the layers of this study", spectra.centroids[name], lines, false));
  }
  replaceView(byId("spectra-view"), ...(models.length ? views : [note("No model is chosen.")]));
  return byId("spectra-quantity").selectedOptions[0].textContent;
}

function drawShapley() {
  const readout = byId("shapley-readout").value, score = byId("shapley-score").value;
  const rows = study.shapley.rows.filter((row) => row.readout === readout);
  const scale = twoSided(rows.flatMap((row) => row.scores[score][0].filter((_, at) => row.structural[at] !== 1)));
  const views = chosenModels().map((model) => bandHeat(`${model}: ${study.shapley.scores[score]}, ${readout} readout`, study.bands, rows.filter((row) => row.model === model).map((row) => ({ layer: row.layer, bins: row.bins, values: row.scores[score], forced: row.structural })), scale));
  replaceView(byId("shapley-view"), make("p", { class: "legend" }, ...heatLegend(scale, study.shapley.scores[score])), ...views);
  return `${study.shapley.scores[score]}, ${readout} readout`;
}

function prepareControls() {
  byId("models").replaceChildren(...Object.keys(study.layers).map((model) => make("label", {}, make("input", { type: "checkbox", value: model, checked: "" }), ` ${model}`)));
  fill(byId("readout"), ["", ...study.readouts], (name) => name || "all, side by side");
  fill(byId("mode"), Object.keys(study.modes));
  if (study.removal) byId("mode").value = study.removal;
  fill(byId("metric"), Object.keys(study.metrics), (name) => study.metrics[name]);
  const pairs = Object.entries(study.spectra).filter(([kind]) => ["bands", "curves", "centroids"].includes(kind));
  const texts = {};
  for (const [kind, names] of pairs) for (const [name, text] of Object.entries(names)) texts[`${kind}:${name}`] = kind === "curves" ? `${text.label}, by ${text.axis}` : text;
  fill(byId("spectra-quantity"), Object.keys(texts), (name) => texts[name]);
  byId("spectra-quantity").value = "bands:share_without_dc";
  const { readout, mode: modes, top1_drop: drops } = column;
  const refitted = new Set(modes.filter((_, row) => readout[row] === "refit" && drops[row] !== null));
  const refit = Object.keys(study.modes).filter((mode) => refitted.has(mode));
  fill(byId("available-mode"), refit.length ? refit : Object.keys(study.modes));
  if (study.shapley) {
    fill(byId("shapley-readout"), study.shapley.readouts);
    fill(byId("shapley-score"), Object.keys(study.shapley.scores), (name) => study.shapley.scores[name]);
  }
  prepareView();
  showControls();
}

function showControls() {
  for (const element of document.querySelectorAll(".controls")) element.hidden = false;
}

// A view is drawn when it comes into view and again when a control changes, which is then announced.
function connect(view, draw, ...controls) {
  const box = byId(view);
  const redraw = (text) => {
    const drawn = waiting.has(box) ? "" : draw();
    if (text || drawn) say(text || drawn);
  };
  whenInView(box, draw);
  for (const name of controls) byId(name).addEventListener("change", () => redraw());
  byId("models").addEventListener("change", () => redraw(`models: ${chosenModels().join(", ") || "none"}`));
}

// The view of the section that the page is opened at, with its first plot.
function drawFirst() {
  const view = byId(`${parts().section}-view`);
  if (!view) return;
  drawNow(view);
  const plot = view.querySelector(".plot");
  if (plot) drawNow(plot);
}

// What needs few of the numbers is drawn while the rest of the page is still read.
prepareControls();
connect("spectra-view", drawSpectra, "spectra-quantity");
if (study.shapley) connect("shapley-view", drawShapley, "shapley-readout", "shapley-score");
connect("available-view", drawAvailable, "available-mode");
showSection();
drawFirst();
addEventListener("DOMContentLoaded", complete);

// The page is there, with all its numbers.
function complete() {
  connect("used-view", drawUsed, "readout", "mode", "metric");
  connect("controls-view", drawControls, "readout", "mode", "metric");
  buildFilters();
  showControls();
  whenInView(byId("targets-view"), buildTable);
  byId("download-all").addEventListener("click", () => save(`${study.dataset}-targets.csv`, csvOf(column.model.map((_, row) => row))));
  byId("download-shown").addEventListener("click", () => save(`${study.dataset}-targets-shown.csv`, csvOf(shownRows())));
  for (const table of document.querySelectorAll("#effects-table, #replicates-table")) sortable(table);
  drawFirst();
  restoreView();
  document.documentElement.dataset.ready = "yes";
}

// Open everything that belongs on paper.
function openDetails() {
  for (const element of document.querySelectorAll("details[data-print]")) element.open = true;
}

// For printing, everything is drawn.
addEventListener("beforeprint", () => { while (waiting.size) for (const element of [...waiting.keys()]) drawNow(element); firstIsShown(); openDetails(); });
byId("cell").addEventListener("keydown", (event) => { if (event.key === "Escape") forgetCell(); });
addEventListener("scroll", hideTip, { passive: true });
