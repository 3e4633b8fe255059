// The catalog's search as you type, its keys, and buttons that copy a name. All of it is optional:
// without this file the form searches, every row is a link, and names are selected by hand.
//
//   form[data-search]     searches while its field q changes; the address follows
//   [data-card]           a system: data-text is what is searched, with that of the [data-item]s in it
//   [data-item]           a connection, in a card or in the table of [data-strangers]
//   [data-mark]           a text in which the words found are marked
//   [data-count="n"]      says how many of n systems are shown; [data-csv] downloads them
//   [data-none]           is shown when nothing is; [data-keeps-search] holds links that take q along
//   [data-open]           the link of a row, for j, k and the arrows; [data-keys] is the list of keys
//   [data-copy="text"]    copies its text
//
// What the search finds is what `dashboards/listing.py` finds.
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);

  // --- search ------------------------------------------------------------------------------
  const form = one("form[data-search]");
  const field = form?.elements.q;
  const folded = (element) => element.dataset.text.toLowerCase();
  const items = (root) => all("[data-item]", root).map((element) => ({ element, text: folded(element) }));
  const cards = all("[data-card]").map((element) => ({ element, text: folded(element), items: items(element) }));
  const strangers = items(one("[data-strangers]") ?? document.createElement("div"));
  let marked = [];

  function search() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const finds = (text) => words.every((word) => text.includes(word));
    for (const { element, text, items } of cards) {
      const itself = finds(text);
      const found = items.filter((item) => !(item.element.hidden = !finds(`${text} ${item.text}`)));
      element.hidden = !itself && !found.length;
      for (const list of all("details", element)) list.open = words.length > 0 && !itself;
    }
    for (const { element, text } of strangers) element.hidden = !finds(text);
    count();
    mark(words);
    keepInAddresses(field.value.trim());
  }

  function count() {
    const shown = ({ element }) => !element.hidden;
    const systems = cards.filter(shown).length;
    const others = strangers.filter(shown).length;
    const connections = cards.flatMap((card) => card.items).filter(shown).length + others;
    for (const line of all("[data-count]")) {
      line.textContent = `${systems} of ${line.dataset.count} systems, ${connections} connection${connections === 1 ? "" : "s"}`;
    }
    for (const link of all("[data-csv]")) {
      link.textContent = `Download ${connections === 1 ? "this one" : `these ${connections}`} as CSV`;
      link.hidden = !connections;
    }
    all("[data-none]").forEach((box) => (box.hidden = systems + others > 0));
    all("[data-strangers]").forEach((box) => (box.hidden = !others));
  }

  function keepInAddresses(q) {
    const address = new URL(location.href);
    q ? address.searchParams.set("q", q) : address.searchParams.delete("q");
    history.replaceState(null, "", address);
    for (const link of all("[data-keeps-search] a[href*='?']")) {
      const target = new URL(link.href);
      q ? target.searchParams.set("q", q) : target.searchParams.delete("q");
      link.href = target;
    }
  }

  // --- marks -------------------------------------------------------------------------------
  // Texts are cut and put together as text nodes: nothing in them is ever read as markup.
  function mark(words) {
    marked.forEach((element) => element.replaceChildren(element.textContent));
    marked = words.length ? all("[data-mark]").filter((element) => !element.closest("[hidden]")) : [];
    if (!marked.length) return;
    const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = new RegExp(`(${escaped.sort((a, b) => b.length - a.length).join("|")})`, "gi");
    for (const element of marked) element.replaceChildren(...pieces(element.textContent, pattern));
  }

  function pieces(text, pattern) {
    // split() puts what the group caught at every second place.
    return text.split(pattern).map((part, place) => {
      if (place % 2 === 0) return part;
      const found = document.createElement("mark");
      found.textContent = part;
      return found;
    });
  }

  // --- keys --------------------------------------------------------------------------------
  const keys = one("[data-keys]");
  const rows = () => all("[data-open]").filter((link) => !link.closest("[hidden], details:not([open])"));
  const typing = (element) => element.matches("input, select, textarea, [contenteditable]");

  function lettersAreOn() {
    try {
      return localStorage.getItem("keys") !== "off";
    } catch {
      return true; // storage is off: the choice cannot be kept
    }
  }

  function step(by) {
    const links = rows();
    const here = links.indexOf(document.activeElement);
    const next = here < 0 ? (by > 0 ? 0 : -1) : here + by;
    if (next < 0) field.focus();
    else links[Math.min(next, links.length - 1)]?.focus();
  }

  function clear() {
    if (!field.value) return field.blur();
    field.value = "";
    search();
  }

  const letters = { "/": () => field.select(), "?": () => keys.showModal(), j: () => step(1), k: () => step(-1) };
  const arrows = { ArrowDown: () => step(1), ArrowUp: () => step(-1) };

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || keys.open) return;
    const here = event.target;
    let act;
    if (here === field && event.key === "Escape") act = clear;
    else if (here === field || here.matches("[data-open]")) act = arrows[event.key];
    if (!act && !typing(here) && lettersAreOn()) act = letters[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  // --- copy --------------------------------------------------------------------------------
  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = "Selected: press Ctrl+C"; // no clipboard without HTTPS
    }
    setTimeout(() => (button.textContent = "Copy"), 3000);
  }

  // --- wiring ------------------------------------------------------------------------------
  for (const button of all("[data-copy]")) {
    button.hidden = false;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", () => copy(button));
  }
  if (!form) return;
  field.addEventListener("input", search);
  form.addEventListener("submit", (event) => event.preventDefault());
  all("button", form).forEach((button) => (button.hidden = true)); // every letter searches
  if (field.value) search(); // marks what the address asked for, or what "back" restored
  document.addEventListener("keydown", press);
  for (const button of all("[data-keys-open]")) {
    button.hidden = false;
    button.addEventListener("click", () => keys.showModal());
  }
  const box = one("[data-keys-on]");
  box.checked = lettersAreOn();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem("keys", box.checked ? "on" : "off");
    } catch {
      box.checked = true;
    }
  });
})();
