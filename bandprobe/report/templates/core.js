// What all parts of the page share: numbers of the study, elements, texts, lazy drawing.
const byId = (id) => document.getElementById(id);
const stored = (id) => JSON.parse(byId(id).textContent);
const study = stored("data");
// Until what is in view is drawn, long tables are not laid out.
document.documentElement.dataset.drawing = "yes";
function firstIsShown() {
  delete document.documentElement.dataset.drawing;
  dispatchEvent(new Event("first-drawn"));
}
// Not before the page is complete, which some views wait for.
function afterPause() {
  clearTimeout(pause);
  pause = setTimeout(() => (document.documentElement.dataset.ready ? firstIsShown() : afterPause()), 200);
}
let pause = 0;
// A column that repeats itself is stored as its different values and the place of each.
const unpacked = (packed) => (Array.isArray(packed) ? packed : packed.at.map((place) => packed.values[place]));
// Each is read when it is first needed. Only those of what is seen first stand before this script; the
// others are there once the page is complete.
const column = {};
for (const name of study.targets.columns) {
  const keep = (value) => { Object.defineProperty(column, name, { value, enumerable: true }); return value; };
  Object.defineProperty(column, name, { enumerable: true, configurable: true, get: () => keep(unpacked(stored(`column-${name}`))) });
}
study.targets.flags = unpacked(study.targets.flags);
const AXES = study.axes;
// Rows by the places of their names on all axes, as one number.
const placesOf = AXES.map((axis) => new Map([...new Set(column[axis])].map((name, place) => [name, place])));
const keyOf = (nameOn) => AXES.reduce((key, axis, at) => key * placesOf[at].size + (placesOf[at].get(nameOn(axis)) ?? NaN), 0);
const rowOf = new Map(column.model.map((_, row) => [keyOf((axis) => column[axis][row]), row]));
const findRow = (cell) => rowOf.get(keyOf((axis) => cell[axis]));
const percent = `${+(100 * study.level).toFixed(6)} %`;

// An element with attributes and children; texts are never read as markup.
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
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

// Views are drawn when they come into view, from the first one in the window on. After so many
// milliseconds the browser shows them, and looks anew which of the others are in view.
const TURN = 20;
const waiting = new Map();
const watcher = new IntersectionObserver((entries) => {
  const end = performance.now() + TURN, order = (entry) => [entry.boundingClientRect.bottom < 0, entry.boundingClientRect.top];
  const inView = entries.filter((entry) => entry.isIntersecting && waiting.has(entry.target));
  inView.sort((one, other) => order(one)[0] - order(other)[0] || order(one)[1] - order(other)[1]);
  for (const [at, { target }] of inView.entries()) {
    if (at === 0 || performance.now() < end) drawNow(target);
    else { watcher.unobserve(target); watcher.observe(target); }
  }
  afterPause();
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
  root.replaceChildren(...children);
}

function save(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const link = make("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
