// Points and curves with intervals, drawn by plotly.js when they come into view.

// The palette of Okabe and Ito, readable with colour-vision deficiency; markers distinguish what colours do not.
const NAMED = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"];
const MARKS = ["circle", "square-open", "diamond-open", "triangle-up-open", "triangle-down-open", "cross-open"];
const DASHES = ["dash", "dot", "dashdot", "longdash", "longdashdot", "solid"];
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function layout(title, x, y) {
  const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--soft"), linecolor: colour("--line"), tickcolor: colour("--line"), automargin: true };
  return {
    autosize: true, height: 260, margin: { l: 8, r: 8, t: 8, b: 8 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, DejaVu Sans, sans-serif", size: 11, color: colour("--text") },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 10 } },
    hoverlabel: { font: { size: 11 }, namelength: -1 },
    xaxis: { ...axis, title: { text: x, font: { size: 10 } } }, yaxis: { ...axis, title: { text: y, font: { size: 10 } } },
  };
}

// A card with a title, a plot, and the numbers of the plot as a table.
function card(title, about, build, wide = false) {
  const plot = make("div", { class: "plot", role: "img", "aria-label": `${title}: ${about}. The numbers follow as a table.` });
  const numbers = make("details", {}, make("summary", {}, "Numbers"));
  numbers.addEventListener("toggle", () => {
    if (numbers.open && numbers.childElementCount === 1) numbers.append(numbersTable(title, build().table));
  });
  whenInView(plot, () => drawPlot(plot, build));
  return make("div", { class: wide ? "card wide" : "card" }, make("p", { class: "title" }, title), plot, numbers);
}

function drawPlot(plot, build) {
  const { traces, options } = build();
  library("plots", "Plotly").newPlot(plot, traces, options, { responsive: true, displaylogo: false, displayModeBar: false });
  plot.dataset.drawn = "yes";
  plot.redraw = () => { const again = build(); window.Plotly.react(plot, again.traces, again.options); };
}

function redrawAll() {
  for (const plot of document.querySelectorAll(".plot[data-drawn]")) plot.redraw?.();
}

function numbersTable(title, { head, rows }) {
  const line = (cells, name) => make("tr", {}, ...cells.map((cell, at) => make(at === 0 ? "th" : name, at === 0 ? { scope: name === "th" ? "col" : "row" } : name === "th" ? { scope: "col" } : { class: "num" }, cell)));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Numbers: ${title}` },
    make("table", {}, make("thead", {}, line(head, "th")), make("tbody", {}, ...rows.map((row) => line(row, "td")))));
}

// Points over bands, one marker per series; bands without bins are shaded. `series`: [{text, values, low, high, level}]
function bandPoints(title, bands, empty, series, y, zero) {
  const about = `${series.map((one) => one.text).join(", ")} over bands`;
  return card(title, about, () => {
    const options = layout(title, "", y);
    options.xaxis.tickvals = bands.map((_, at) => at);
    options.xaxis.ticktext = bands.map(plain);
    options.xaxis.tickangle = -40;
    options.xaxis.range = [-0.6, bands.length - 0.4];
    options.xaxis.zeroline = false;
    options.yaxis.zeroline = zero;
    if (!zero) options.yaxis.range = [-0.02, 1.05];
    options.shapes = empty.map((one, at) => one && { type: "rect", xref: "x", yref: "paper", x0: at - 0.45, x1: at + 0.45, y0: 0, y1: 1, fillcolor: colour("--hatch-page"), line: { width: 0 }, layer: "below" }).filter(Boolean);
    options.annotations = empty.map((one, at) => one && { x: at, y: 0.5, yref: "paper", text: "N/A", showarrow: false, font: { size: 9 } }).filter(Boolean);
    const traces = series.map((one, number_) => pointTrace(one, number_, series.length, bands));
    for (const [number_, one] of series.entries()) {
      if (one.level === null || one.level === undefined) continue;
      options.shapes.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: one.level, y1: one.level, line: { color: NAMED[number_ % 6], width: 1, dash: DASHES[number_ % 6] } });
    }
    const cells = (one, at) => (one.values[at] === null ? "N/A" : `${number(one.values[at])} (${span(one.low[at], one.high[at])})${forcedAt(one, at) ? ", forced" : ""}`);
    return { traces, options, table: { head: ["band", ...series.map((one) => one.text)], rows: bands.map((band, at) => [band, ...series.map((one) => cells(one, at))]) } };
  });
}

// A forced value is a faint cross and labelled as forced: it is not a finding.
const forcedAt = (one, band) => one.rows !== undefined && stateOf(one.rows[band]) === "forced";

function pointTrace(one, at, count, bands) {
  const kept = bands.map((_, band) => band).filter((band) => one.values[band] !== null);
  return {
    type: "scatter", mode: "markers", name: plain(one.text), x: kept.map((band) => band + 0.22 * (at - (count - 1) / 2)), y: kept.map((band) => one.values[band]),
    error_y: { type: "data", symmetric: false, width: 0, thickness: 1.2, array: kept.map((band) => Math.max(0, one.high[band] - one.values[band])), arrayminus: kept.map((band) => Math.max(0, one.values[band] - one.low[band])) },
    marker: { color: NAMED[at % 6], symbol: kept.map((band) => (forcedAt(one, band) ? "x-thin-open" : MARKS[at % 6])), opacity: kept.map((band) => (forcedAt(one, band) ? 0.45 : 1)), size: 7 },
    text: kept.map((band) => plain(`${bands[band]}: ${number(one.values[band])} (${span(one.low[band], one.high[band])})${forcedAt(one, band) ? ", forced (fixed by construction)" : ""}`)), hoverinfo: "text+name",
  };
}

// Lines with shaded intervals, one per layer. `lines`: [{text, x, y, low, high}]
function lineCard(title, x, y, lines, log) {
  return card(title, `${lines.length} lines, one per layer`, () => {
    const options = layout(title, x, y);
    if (log) { options.xaxis.type = "log"; options.yaxis.type = "log"; options.yaxis.exponentformat = "power"; }
    options.height = 340;
    const traces = lines.flatMap((one, at) => lineTraces(one, ordered(at, lines.length), log));
    const rows = lines.flatMap((one) => one.x.map((value, at) => [one.text, number(value), number(one.y[at]), span(one.low[at], one.high[at])]));
    return { traces, options, table: { head: ["layer", x, y, `${percent} interval`], rows } };
  });
}

function lineTraces(one, paint, log) {
  const exists = one.x.map((_, at) => at).filter((at) => one.y[at] !== null && (!log || (one.y[at] > 0 && one.low[at] > 0)));
  const pick = (name) => exists.map((at) => one[name][at]);
  const edge = { type: "scatter", mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false, legendgroup: one.text, x: pick("x") };
  return [
    { ...edge, y: pick("low") },
    { ...edge, y: pick("high"), fill: "tonexty", fillcolor: `${paint}33` },
    { type: "scatter", mode: exists.length < 12 ? "lines+markers" : "lines", name: plain(one.text), legendgroup: one.text, x: pick("x"), y: pick("y"), line: { color: paint, width: 1.8 }, marker: { size: 6 },
      text: exists.map((at) => plain(`${one.labels?.[at] ?? number(one.x[at])}: ${number(one.y[at])} (${span(one.low[at], one.high[at])})`)), hoverinfo: "text+name" },
  ];
}

// Cividis, which is uniform and readable with colour-vision deficiency, without its faint ends.
function ordered(at, count) {
  const stops = [[0, 64, 128], [87, 108, 140], [150, 140, 110], [214, 178, 50]];
  const place = count < 2 ? 0 : (3 * at) / (count - 1), low = Math.min(2, Math.floor(place));
  const mixed = stops[low].map((value, part) => Math.round(value + (place - low) * (stops[low + 1][part] - value)));
  const lift = isDark() ? 55 : 0;
  return `#${mixed.map((value) => Math.min(255, value + lift).toString(16).padStart(2, "0")).join("")}`;
}

// Targets of a layer over all bands, as one series.
function seriesOf(text, model, layer, readout, mode, metric) {
  const rows = study.bands.map((band) => findRow({ model, layer, readout, mode, band }));
  const pick = (name) => rows.map((row) => (row === undefined ? null : column[name]?.[row] ?? null));
  return { text, rows, values: pick(metric), low: pick(`${metric}_low`), high: pick(`${metric}_high`) };
}

const emptyBands = (rows) => rows.map((row) => row !== undefined && column.bins[row] === 0);

// Accuracy with its own interval, and the accuracy on untouched maps as a line.
function accuracyOf(text, model, layer, readout, mode) {
  const accuracy = seriesOf(text, model, layer, readout, mode, "top1");
  const clean = accuracy.rows.map((row) => (row === undefined ? null : column.clean_top1[row]));
  return { ...accuracy, level: clean.find((value) => value !== null) };
}
