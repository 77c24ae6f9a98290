// Images of a chosen cell, with a map of the layer before and after the band was changed. They are read
// when the first cell is chosen, and of each cell only the image that is shown is decoded.
let explorer;
let chosenRule = null;

function pictures() {
  if (explorer === undefined) explorer = byId("explorer") ? JSON.parse(byId("explorer").textContent) : null;
  return explorer;
}

const webp = (text) => `data:image/webp;base64,${text}`;
const signed = (value) => `${value < 0 ? "−" : "+"}${number(Math.abs(value))}`;

// The panel of a cell; words where its images are missing, and nothing where a study has none.
function explorerOf(where, row) {
  const all = pictures();
  if (!all) return [];
  const cell = all.cells[AXES.map((axis) => where[axis]).filter((_, at) => AXES[at] !== "mode").join("/")];
  if (cell && where.mode === all.mode) return [explorerPanel(all, cell, where)];
  if (where.mode !== all.mode || !all.readouts.includes(where.readout)) return [make("p", { class: "lead" }, `Images are there for the mode ${all.mode} and the readouts ${all.readouts.join(" and ")}.`)];
  if (all.left_out.includes(`${where.model}/${where.layer}/${where.readout}`)) return [make("p", { class: "lead" }, `No images of this layer: those of later layers fill the ${all.megabytes} MB that the page may have.`)];
  return stateOf(row) === "value" ? [] : [make("p", { class: "lead" }, "No images: there is nothing to see in this cell.")];
}

function explorerPanel(all, cell, where) {
  const body = make("div", { class: "images", role: "tabpanel", id: "explorer-image", "aria-live": "off" });
  const tabs = cell.images.map((image) => {
    const tab = make("button", { type: "button", role: "tab", "aria-controls": "explorer-image", title: all.rules[image.rule] }, image.rule);
    tab.addEventListener("click", () => choose(image.rule, tab));
    return tab;
  });
  const list = make("div", { class: "rules", role: "tablist", "aria-label": "Images of this cell" }, ...tabs);
  function choose(rule, tab) {
    if (tab) { chosenRule = rule; writeView(); }
    const at = Math.max(0, cell.images.findIndex((image) => image.rule === rule));
    tabs.forEach((one, number) => { one.setAttribute("aria-selected", String(number === at)); one.tabIndex = number === at ? 0 : -1; });
    body.setAttribute("aria-label", cell.images[at].rule);
    body.replaceChildren(...explorerImage(all, cell, where, at));
  }
  list.addEventListener("keydown", (event) => {
    const from = tabs.indexOf(event.target), last = tabs.length - 1;
    const to = { ArrowRight: from === last ? 0 : from + 1, ArrowLeft: from === 0 ? last : from - 1, Home: 0, End: last }[event.key];
    if (from < 0 || to === undefined) return;
    event.preventDefault();
    tabs[to].focus();
    tabs[to].click();
  });
  choose(chosenRule, null);
  return make("div", { class: "explorer" }, list, body);
}

// One image: itself, its part in the band, the map before and after, the difference, and what is predicted.
function explorerImage(all, cell, where, at) {
  const image = cell.images[at], count = cell.images.length, truth = all.classes[image.label];
  const [left, top, width, height] = image.window, [rows, columns] = cell.shown;
  const window = width < 0.99 || height < 0.99;
  const photo = make("span", { class: "photo" }, make("img", { src: webp(all.photos[image.photo]), alt: `The image: ${truth}` }));
  if (window && cell.parts) {
    const frame = make("span", { class: "window" });
    for (const [side, share] of Object.entries({ left, top, width, height })) frame.style[side] = `${100 * share}%`;
    photo.append(frame);
  }
  const tile = (source, place, places, text, kind) => {
    const found = make("img", { src: webp(source), alt: text, class: kind });
    found.style.objectPosition = `${places > 1 ? (100 * place) / (places - 1) : 0}% 0`;
    found.style.aspectRatio = `${columns} / ${rows}`;
    return found;
  };
  const channel = `channel ${cell.channel}`;
  const map = (place, text) => tile(cell.maps, 3 * at + place, 3 * count, text, "map");
  const figure = (picture, ...words) => make("figure", {}, picture, make("figcaption", {}, ...words));
  const figures = [
    figure(photo, "the image", window && cell.parts ? "; the frame is what the others show" : ""),
    cell.parts ? figure(tile(cell.parts, at, count, `The part of the image at the frequencies of the band ${where.band}`, "part"), `its part in ${where.band}`) : null,
    figure(map(0, `Map of ${channel} of ${where.layer} before`), `map, ${channel}`),
    figure(map(1, `Map of ${channel} of ${where.layer} after ${where.mode} of ${where.band}`), `after ${where.mode}`),
    figure(map(2, "Difference: after minus before"), "difference"),
  ].filter(Boolean);
  const said = (name, [label, margin]) => [make("dt", {}, name), make("dd", {}, all.classes[label], make("span", { class: label === image.label ? "right" : "wrong" }, label === image.label ? " ✓ right" : " ✗ wrong"), `, margin ${signed(margin)}`)];
  const facts = make("dl", {}, make("dt", {}, "true class"), make("dd", {}, truth), ...said("predicted before", image.before), ...said("predicted after", image.after));
  const [all_rows, all_columns] = cell.grid;
  const part = cell.step > 1 || window ? ` Of ${all_columns} × ${all_rows} positions${cell.step > 1 ? `, each pixel is the mean of ${cell.step} × ${cell.step}` : ""}${window ? `${cell.step > 1 ? ";" : ","} the window is where the map changes most` : ""}.` : "";
  const scale = `Of ${cell.channels} channels the one that changes most. Maps: ${number(cell.low)} (dark) to ${number(cell.high)} (bright); difference: ±${number(cell.limit)}, purple is less, orange more; one scale for all images of the cell.${part}`;
  const rule = `${image.rule[0].toUpperCase()}${image.rule.slice(1)}: ${all.rules[image.rule]}. Margin: logit of the true class minus the highest other.`;
  return [make("div", { class: "tiles" }, ...figures), make("div", { class: "said" }, facts, make("p", {}, rule), make("p", {}, scale))];
}

// Into the panel from its cell.
function enterExplorer() {
  document.querySelector("#cell [role=tab][aria-selected=true]")?.focus();
}
