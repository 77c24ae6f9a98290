// The view in the address: what is chosen, where it differs from what the page opens with. The address
// is #section&name=value; names are those of the controls, `models`, `cell` for the chosen cell, and
// `image` for which of its images is shown.
const CHOICES = ["spectra-quantity", "readout", "mode", "metric", "available-mode", "shapley-readout", "shapley-score"];
let opened = {};
let chosenCell = null;

const choices = () => CHOICES.map(byId).filter(Boolean);
const modelBoxes = () => [...document.querySelectorAll("#models input")];

function parts() {
  const [section, ...rest] = decodeURI(location.hash.slice(1)).split("&");
  return { section: section.includes("=") ? "" : section, given: new URLSearchParams(section.includes("=") ? location.hash.slice(1) : location.hash.slice(1).split("&").slice(1).join("&")), any: rest.length > 0 || section.includes("=") };
}

function writeView(section = parts().section) {
  const given = new URLSearchParams();
  if (modelBoxes().some((box) => !box.checked)) given.set("models", chosenModels().join(","));
  for (const select of choices()) if (select.value !== opened[select.id]) given.set(select.id, select.value);
  if (chosenCell) given.set("cell", AXES.map((axis) => chosenCell[axis]).join("/"));
  if (chosenCell && chosenRule) given.set("image", chosenRule);
  byId("reset").hidden = String(given) === "";
  const text = String(given), hash = text ? `#${section}&${text}` : section ? `#${section}` : "";
  if (hash !== location.hash) history.replaceState(null, "", hash || location.pathname + location.search);
}

// Sets the controls to what the address says, and to what the page opens with where it says nothing.
function readView(given) {
  const models = given.get("models");
  for (const box of modelBoxes()) box.checked = models === null || models.split(",").includes(box.value);
  for (const select of choices()) {
    const wanted = given.get(select.id) ?? opened[select.id];
    select.value = [...select.options].some((option) => option.value === wanted) ? wanted : opened[select.id];
  }
}

// The chosen cell, once its view is drawn.
function restoreCell(given) {
  const names = (given.get("cell") ?? "").split("/");
  if (names.length !== AXES.length) return;
  const row = findRow(Object.fromEntries(AXES.map((axis, at) => [axis, names[at]])));
  if (row === undefined) return;
  chosenRule = given.get("image");
  drawNow(byId("used-view"));
  document.querySelector(`#used-view td[data-row="${row}"]`)?.choose();
}

function redrawViews() {
  for (const select of choices()) select.dispatchEvent(new Event("change", { bubbles: true }));
}

function prepareView() {
  opened = Object.fromEntries(choices().map((select) => [select.id, select.value]));
  readView(parts().given);
  document.addEventListener("change", (event) => { if (event.target.closest("#model-choice") || CHOICES.includes(event.target.id)) { chosenCell = chosenRule = null; writeView(); } });
  addEventListener("hashchange", () => {
    const { section, given, any } = parts();
    // A link to a section keeps the view.
    if (!any) { writeView(section); return; }
    readView(given);
    redrawViews();
    restoreCell(given);
    writeView(section);
  });
  byId("reset").addEventListener("click", () => {
    readView(new URLSearchParams());
    chosenCell = chosenRule = null;
    redrawViews();
    writeView();
    // The button is gone now.
    document.querySelector("nav a").focus({ preventScroll: true });
    say("the view is reset");
  });
}

// To the section of an address that has a view as well, which the browser does not find.
function showSection() {
  const { section, any } = parts();
  if (any && section) byId(section)?.scrollIntoView();
}

// After everything is connected.
function restoreView() {
  const { section, given, any } = parts();
  if (!any) return;
  restoreCell(given);
  writeView(section);
  showSection();
}
