// Sorting, filters, tabs, and solvers that are marked as mine. Pages read well without it.
"use strict";

// Tabs: one size at a time; the address names it.
function tabs(bar) {
  const parts = Array.from(bar.parentElement.querySelectorAll(":scope > .tab"));
  if (parts.length < 2) return;
  const buttons = parts.map((part) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = part.dataset.tab;
    button.addEventListener("click", () => show(part));
    part.classList.add("tabbed");
    return button;
  });
  function show(chosen) {
    parts.forEach((part, i) => {
      part.hidden = part !== chosen;
      buttons[i].setAttribute("aria-pressed", String(part === chosen));
    });
  }
  function asked() {
    const id = decodeURIComponent(location.hash.slice(1));
    return parts.find((part) => part.id === id);
  }
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", bar.dataset.what);
  bar.append(...buttons);
  bar.hidden = false;
  show(asked() || parts.find((part) => part.dataset.tab === bar.dataset.usual) || parts[0]);
  addEventListener("hashchange", () => {
    const part = asked();
    if (part) { show(part); part.scrollIntoView(); }
  });
  if (asked()) asked().scrollIntoView();
}

// Sorting: numbers by value, words by letter, cells without a value last.
function sorting(button) {
  const heading = button.closest("th");
  button.addEventListener("click", () => {
    const body = heading.closest("table").tBodies[0];
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentElement.children) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const rows = Array.from(body.rows, (row) => [row.cells[heading.cellIndex].dataset.sort, row]);
    const numeric = rows.every(([key]) => key === undefined || !Number.isNaN(Number(key)));
    const compare = (a, b) => (numeric ? Number(a) - Number(b) : a.localeCompare(b));
    rows.sort(([a], [b]) => {
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
      return descending ? compare(b, a) : compare(a, b);
    });
    body.append(...rows.map(([, row]) => row));
  });
}

// Mine: kept in this browser only.
const KEY = "dtbench-mine";
let mine = new Set();
try { mine = new Set(JSON.parse(localStorage.getItem(KEY) || "[]")); } catch { /* nothing is kept here */ }
const stars = [];

function star(place, key, label, first = true) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "star";
  button.setAttribute("aria-label", `Mark ${label} as mine`);
  button.title = "mark as mine";
  button.addEventListener("click", () => {
    if (!mine.delete(key)) mine.add(key);
    try { localStorage.setItem(KEY, JSON.stringify([...mine])); } catch { /* until the page is left */ }
    marked();
  });
  stars.push([button, key]);
  if (first) place.prepend(button);
  else place.append(" ", button);
}

function marked() {
  for (const each of document.querySelectorAll("[data-s]")) each.classList.toggle("mine", mine.has(each.dataset.s));
  for (const [button, key] of stars) {
    button.setAttribute("aria-pressed", String(mine.has(key)));
    button.textContent = mine.has(key) ? "\u2605" : "\u2606";
  }
  for (const form of document.querySelectorAll("form.filters")) form.dispatchEvent(new Event("input"));
}

// Filters: every field is a data attribute of the rows, or a part of the name.
function filters(form) {
  const rows = Array.from(document.getElementById(form.dataset.for).tBodies[0].rows);
  const count = form.querySelector("output");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    let shown = 0;
    const text = form.elements.text ? form.elements.text.value.trim().toLowerCase() : "";
    const only = form.elements.mine && form.elements.mine.checked;
    const chosen = Array.from(form.querySelectorAll("select"), (each) => [each.name, each.value]).filter(([, v]) => v);
    for (const row of rows) {
      const fits = chosen.every(([name, value]) => row.dataset[name] === value)
        && row.dataset.name.toLowerCase().includes(text) && (!only || mine.has(row.dataset.s));
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} rows`;
  });
  form.dispatchEvent(new Event("input"));
}

// A row that is pointed at comes out in the charts beside it.
function pointing(row) {
  const part = row.closest(".tab");
  if (!part) return;
  const heat = (on) => {
    for (const each of part.querySelectorAll(".charts .series")) {
      if (each.dataset.s === row.dataset.s) {
        each.classList.toggle("hot", on);
        if (on) each.parentElement.append(each);
      }
    }
  };
  for (const name of ["mouseenter", "focusin"]) row.addEventListener(name, () => heat(true));
  for (const name of ["mouseleave", "focusout"]) row.addEventListener(name, () => heat(false));
}

for (const bar of document.querySelectorAll(".tabs")) tabs(bar);
for (const button of document.querySelectorAll("thead th button")) sorting(button);
for (const row of document.querySelectorAll(".heat tr[data-s], .board tr[data-s]")) {
  const place = row.querySelector("th.solver");
  if (place) star(place, row.dataset.s, place.dataset.sort);
  pointing(row);
}
for (const item of document.querySelectorAll(".series-legend li[data-s]")) pointing(item);
for (const card of document.querySelectorAll("li[data-s] > h2")) star(card, card.parentElement.dataset.s, card.textContent.trim(), false);
for (const title of document.querySelectorAll("h1[data-s]")) star(title, title.dataset.s, title.textContent.trim(), false);
for (const form of document.querySelectorAll("form.filters")) filters(form);
marked();

// Whoever has no pointer can scroll what is wider than the page.
function reachable() {
  for (const each of document.querySelectorAll(".scroll")) {
    const wide = each.scrollWidth > each.clientWidth + 1;
    if (wide) each.tabIndex = 0;
    else if (!each.hasAttribute("role")) each.removeAttribute("tabindex");
  }
}
reachable();
addEventListener("resize", reachable);
