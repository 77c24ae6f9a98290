// Points and curves with intervals, drawn as SVG when they come into view. Their colours are those of
// the style sheet, so that they follow the scheme of the screen, and paper.

// Markers distinguish what colours do not; paths around the origin.
const MARKS = [
  "M-3.3 0a3.3 3.3 0 1 0 6.6 0a3.3 3.3 0 1 0-6.6 0z", "M-3-3h6v6h-6z", "M0-4L4 0L0 4L-4 0z",
  "M0-3.8L3.7 2.9H-3.7z", "M0 3.8L3.7-2.9H-3.7z", "M-3.7 0H3.7M0-3.7V3.7",
];
const CROSS = "M-3-3L3 3M-3 3L3-3";
const DASHES = ["6 3", "2 2", "6 2 2 2", "9 3", "9 3 2 3", "none"];
const REACH = 24;

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// A card with a title, a legend whose items hide and show their series, a plot, and its numbers as a table.
function card(title, about, series, build) {
  const plot = make("div", { class: "plot", role: "img", "aria-label": `${title}: ${about}. The numbers follow as a table.` });
  const legend = make("p", { class: "series-legend" }, ...series.map((one, at) => legendItem(one, at, plot)));
  const numbers = make("details", {}, make("summary", {}, "Numbers"));
  numbers.addEventListener("toggle", () => {
    if (numbers.open && numbers.childElementCount === 1) numbers.append(numbersTable(title, build().table));
  });
  whenInView(plot, () => {
    plot.replaceChildren(picture(build(), plot.clientWidth || 380));
    plot.dataset.drawn = "yes";
  });
  return make("div", { class: "card" }, make("p", { class: "title" }, title), legend, plot, numbers);
}

function legendItem(one, at, plot) {
  const button = make("button", { type: "button", "aria-pressed": "true", title: `Hide or show ${one.text}` });
  const sample = svg("svg", { width: 18, height: 12, viewBox: "-9 -6 18 12", "aria-hidden": "true" });
  sample.append(svg("g", { class: one.paint.name, style: one.paint.style }, one.paint.mark === undefined ? svg("path", { class: "line", d: "M-8 0H8" }) : mark(one.paint.mark, 0, 0)));
  button.append(sample, ` ${one.text}`);
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    for (const group of plot.querySelectorAll(`[data-series="${at}"]`)) group.classList.toggle("off", !shown);
  });
  return button;
}

const mark = (kind, x, y, forced = false) => svg("path", { class: `mark mark-${kind}${forced ? " forced" : ""}`, d: forced ? CROSS : MARKS[kind], transform: `translate(${x} ${y})` });

// How a series is painted: one of six named colours with a marker, or a place in an order.
const named = (at) => ({ name: "series", style: `--paint: var(--series-${at % 6})`, mark: at % 6 });

// Viridis, which is uniform and readable with colour-vision deficiency; in each scheme, the part of it
// that stands out from the page by 3 to 1.
const VIRIDIS = [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];
function viridis(place) {
  const stop = Math.min(4, Math.floor(5 * place));
  return `rgb(${VIRIDIS[stop].map((from, part) => Math.round(from + (5 * place - stop) * (VIRIDIS[stop + 1][part] - from))).join(" ")})`;
}

function ordered(at, count) {
  const place = count < 2 ? 0 : at / (count - 1);
  return { name: "series ordered", style: `--day: ${viridis(0.59 * place)}; --night: ${viridis(0.35 + 0.65 * place)}` };
}

function numbersTable(title, { head, rows }) {
  const line = (cells, name) => make("tr", {}, ...cells.map((cell, at) => make(at === 0 ? "th" : name, at === 0 ? { scope: name === "th" ? "col" : "row" } : name === "th" ? { scope: "col" } : { class: "num" }, cell)));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Numbers: ${title}` },
    make("table", {}, make("thead", {}, line(head, "th")), make("tbody", {}, ...rows.map((row) => line(row, "td")))));
}

const superscript = (power) => `10${[...String(power)].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]).join("")}`;

// From numbers to pixels, and the numbers that are written at the axis.
function numberAxis(values, from, to, log) {
  const known = values.filter((value) => value !== null && value !== undefined && (!log || value > 0)).map((value) => (log ? Math.log10(value) : value));
  let low = Math.min(...known), high = Math.max(...known);
  if (!known.length) [low, high] = [0, 1];
  const pad = high > low ? 0.04 * (high - low) : 0.5;
  [low, high] = [low - pad, high + pad];
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].find((times) => times * power >= rough) * power;
  if (log) step = Math.max(1, Math.round(step));
  const ticks = [];
  for (let tick = Math.ceil(low / step); tick * step <= high; tick++) ticks.push(tick * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return {
    at: (value) => from + (((log ? Math.log10(value) : value) - low) / (high - low)) * (to - from),
    ticks: ticks.map((tick) => [log ? 10 ** tick : tick, log ? superscript(tick) : tick.toFixed(digits)]),
  };
}

// What has been built, as one picture. `paint(frame)` draws series between the axes and returns the
// spots that can be pointed at: [{x, y, about, series}].
function picture({ height, x, y, paint }, width) {
  const frame = { left: 52, right: width - 10, top: 8, bottom: height - (x.names ? 62 : 38) };
  const across = x.names ? { at: (band) => frame.left + ((band + 0.6) / x.names.length) * (frame.right - frame.left) * (x.names.length / (x.names.length + 0.2)), ticks: x.names.map((name, at) => [at, name]) } : numberAxis(x.values, frame.left, frame.right, x.log);
  const up = numberAxis(y.values, frame.bottom, frame.top, y.log);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", "aria-hidden": "true" });
  for (const [value, text] of up.ticks) {
    root.append(svg("path", { class: value === 0 && !y.log ? "grid zero" : "grid", d: `M${frame.left} ${up.at(value)}H${frame.right}` }),
      svg("text", { x: frame.left - 5, y: up.at(value) + 3.5, "text-anchor": "end" }, text));
  }
  for (const [value, text] of across.ticks) {
    const left = across.at(value);
    if (!x.names) root.append(svg("path", { class: "grid", d: `M${left} ${frame.top}V${frame.bottom}` }));
    root.append(x.names ? svg("text", { "text-anchor": "end", transform: `translate(${left + 4} ${frame.bottom + 13}) rotate(-38)` }, text)
      : svg("text", { x: left, y: frame.bottom + 14, "text-anchor": "middle" }, text));
  }
  root.append(svg("path", { class: "grid", d: `M${frame.left} ${frame.top}V${frame.bottom}H${frame.right}` }));
  if (x.text) root.append(svg("text", { x: (frame.left + frame.right) / 2, y: height - 6, "text-anchor": "middle" }, x.text));
  root.append(svg("text", { "text-anchor": "middle", transform: `translate(11 ${(frame.top + frame.bottom) / 2}) rotate(-90)` }, y.text));
  const spots = paint(root, { ...frame, across, up });
  return pointed(root, spots, width);
}

// The spot nearest to the pointer gets a ring, and its numbers are shown.
function pointed(root, spots, width) {
  const ring = svg("circle", { class: "ring", r: 7, visibility: "hidden" });
  root.append(ring);
  const leave = () => { ring.setAttribute("visibility", "hidden"); hideTip(); };
  const find = (event) => {
    const box = root.getBoundingClientRect(), scale = width / box.width;
    const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
    const away = (spot) => Math.hypot(spot.x - x, spot.y - y);
    const nearest = spots.filter((spot) => !root.querySelector(`[data-series="${spot.series}"]`).classList.contains("off"))
      .reduce((best, spot) => (best === null || away(spot) < away(best) ? spot : best), null);
    if (nearest === null || away(nearest) > REACH) return leave();
    ring.setAttribute("cx", nearest.x);
    ring.setAttribute("cy", nearest.y);
    ring.setAttribute("visibility", "visible");
    showTip(ring, nearest.about);
  };
  root.addEventListener("pointermove", find);
  root.addEventListener("pointerdown", find);
  root.addEventListener("pointerleave", leave);
  return root;
}

// Points over bands, one marker per series; bands without bins are shaded. `series`: [{text, values, low, high, level}]
function bandPoints(title, bands, empty, series, y, zero) {
  const about = `${series.map((one) => one.text).join(", ")} over bands`;
  const painted = series.map((one, at) => ({ ...one, paint: named(at) }));
  const told = (one, at) => (one.values[at] === null ? "N/A" : `${number(one.values[at])} (${span(one.low[at], one.high[at])})${forcedAt(one, at) ? ", forced" : ""}`);
  const paint = (root, { left, right, top, bottom, across, up }) => {
    const spots = [], half = 0.45 * (across.at(1) - across.at(0));
    for (const [band, none] of empty.entries()) {
      if (!none) continue;
      root.append(svg("rect", { class: "empty", x: across.at(band) - half, y: top, width: 2 * half, height: bottom - top }),
        svg("text", { x: across.at(band), y: (top + bottom) / 2, "text-anchor": "middle" }, "N/A"));
    }
    for (const [at, one] of painted.entries()) {
      const group = svg("g", { class: one.paint.name, style: one.paint.style, "data-series": at });
      if (one.level !== null && one.level !== undefined) group.append(svg("path", { class: "level", "stroke-dasharray": DASHES[at % 6], d: `M${left} ${up.at(one.level)}H${right}` }));
      bands.forEach((band, number_) => {
        if (one.values[number_] === null) return;
        const x = across.at(number_ + 0.22 * (at - (painted.length - 1) / 2)), height = up.at(one.values[number_]), forced = forcedAt(one, number_);
        if (one.low[number_] !== null) group.append(svg("path", { class: forced ? "bar forced" : "bar", d: `M${x} ${up.at(one.low[number_])}V${up.at(one.high[number_])}` }));
        group.append(mark(one.paint.mark, x, height, forced));
        spots.push({ x, y: height, series: at, about: [`${band}, ${one.text}`, told(one, number_)] });
      });
      root.append(group);
    }
    return spots;
  };
  const values = painted.flatMap((one) => [...one.values, ...one.low, ...one.high, one.level]);
  return card(title, about, painted, () => ({
    height: 260, x: { names: bands }, y: { text: y, values: zero ? [0, ...values] : [0, 1, ...values] }, paint,
    table: { head: ["band", ...series.map((one) => one.text)], rows: bands.map((band, at) => [band, ...series.map((one) => told(one, at))]) },
  }));
}

// A forced value is a faint cross and labelled as forced: it is not a finding.
const forcedAt = (one, band) => one.rows !== undefined && stateOf(one.rows[band]) === "forced";

// Lines with shaded intervals, one per layer. `lines`: [{text, x, y, low, high, labels}]
function lineCard(title, x, y, lines, log) {
  const painted = lines.map((one, at) => ({ ...one, paint: ordered(at, lines.length), kept: one.x.map((_, place) => place).filter((place) => one.y[place] !== null && (!log || (one.y[place] > 0 && one.low[place] > 0))) }));
  const paint = (root, { across, up }) => {
    const spots = [];
    for (const [series, one] of painted.entries()) {
      const path = (places, values) => places.map((place) => `${across.at(one.x[place]).toFixed(1)} ${up.at(values[place]).toFixed(1)}`).join("L");
      const group = svg("g", { class: one.paint.name, style: one.paint.style, "data-series": series });
      const bounded = one.kept.filter((place) => one.low[place] !== null);
      if (bounded.length) group.append(svg("path", { class: "area", d: `M${path(bounded, one.low)}L${path([...bounded].reverse(), one.high)}z` }));
      if (one.kept.length) group.append(svg("path", { class: "line", d: `M${path(one.kept, one.y)}` }));
      for (const place of one.kept) {
        const at = { x: across.at(one.x[place]), y: up.at(one.y[place]) };
        if (one.kept.length < 12) group.append(mark(0, at.x, at.y));
        spots.push({ ...at, series, about: [one.text, `${one.labels?.[place] ?? number(one.x[place])}: ${number(one.y[place])} (${span(one.low[place], one.high[place])})`] });
      }
      root.append(group);
    }
    return spots;
  };
  return card(title, `${lines.length} lines`, painted, () => ({
    height: 340, x: { text: x, log, values: painted.flatMap((one) => one.kept.map((place) => one.x[place])) },
    y: { text: y, log, values: painted.flatMap((one) => one.kept.flatMap((place) => [one.y[place], one.low[place], one.high[place]])) }, paint,
    table: { head: ["layer", x, y, `${percent} interval`], rows: lines.flatMap((one) => one.x.map((value, at) => [one.text, one.labels?.[at] ?? number(value), number(one.y[at]), span(one.low[at], one.high[at])])) },
  }));
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
