// Opened at a section with plots, the page shows that section alone until its plots are drawn.
const page = document.documentElement;
const first = location.hash.slice(1).split("&")[0];
if (["spectra", "used", "available"].includes(first)) page.dataset.first = first;

// The other sections appear, and what is in the window stays where it is.
function showSections() {
  if (page.dataset.first === undefined) return;
  const section = document.getElementById(first), before = section?.getBoundingClientRect().top;
  delete page.dataset.first;
  if (section) scrollBy(0, section.getBoundingClientRect().top - before);
}
addEventListener("first-drawn", showSections);
addEventListener("error", showSections);
