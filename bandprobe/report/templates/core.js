// What all parts of the page share: numbers of the study, elements, texts, lazy drawing.
const study = JSON.parse(document.getElementById("data").textContent);
const column = study.targets.columns;
const byId = (id) => document.getElementById(id);
const AXES = study.axes;
const rowOf = new Map(column.model.map((_, row) => [AXES.map((axis) => column[axis][row]).join("\n"), row]));
const findRow = (cell) => rowOf.get(AXES.map((axis) => cell[axis]).join("\n"));
const percent = `${+(100 * study.level).toFixed(6)} %`;

// An element with attributes and children; texts are never read as markup.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") element.className = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function number(value) {
  if (value === null || value === undefined) return "N/A";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000 || size < 5e-4) return value.toPrecision(2);
  return value.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

const span = (low, high) => (low === null || low === undefined ? "no interval" : `${number(low)} to ${number(high)}`);

// State of a target: it has a number, a forced number, or none.
function stateOf(row) {
  if (row === undefined) return "absent";
  if (column.top1_drop[row] === null) return "absent";
  return column.structural[row] === 1 ? "forced" : "value";
}

function includesZero(row, metric) {
  const low = column[`${metric}_low`][row], high = column[`${metric}_high`][row];
  return low === null || (low <= 0 && high >= 0);
}

const chosenModels = () => [...document.querySelectorAll("#models input:checked")].map((box) => box.value);

function fill(select, names, texts = (name) => name) {
  select.replaceChildren(...names.map((name) => make("option", { value: name }, texts(name))));
}

let lastSaid = 0;
function say(text) {
  clearTimeout(lastSaid);
  lastSaid = setTimeout(() => { byId("status").textContent = text; }, 150);
}

// The script of a library is in the page as text, and runs when it is first needed.
const running = {};
function library(name, result) {
  running[name] ??= (() => {
    const script = document.createElement("script");
    script.textContent = byId(`library-${name}`).textContent;
    document.head.append(script);
    return window[result];
  })();
  return running[name];
}

// Views are drawn when they come into view.
const waiting = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) drawNow(entry.target);
}, { rootMargin: "200px" });

function whenInView(element, draw) {
  waiting.set(element, draw);
  watcher.observe(element);
}

function drawNow(element) {
  const draw = waiting.get(element);
  if (!draw) return;
  waiting.delete(element);
  watcher.unobserve(element);
  draw();
}

function forget(root) {
  for (const element of [...waiting.keys()]) {
    if (root.contains(element)) { waiting.delete(element); watcher.unobserve(element); }
  }
}

function replaceView(root, ...children) {
  forget(root);
  for (const plot of root.querySelectorAll(".js-plotly-plot")) window.Plotly.purge(plot);
  root.replaceChildren(...children);
}

// Colours of the page, by their names in the style sheet.
let paper = false;
const scheme = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => scheme.matches && !paper;
function colour(name) {
  const printed = { "--text": "#000", "--soft": "#444", "--line": "#bbb", "--hatch-page": "#ececef" };
  if (paper && printed[name]) return printed[name];
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function save(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
