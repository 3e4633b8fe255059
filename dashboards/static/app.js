// What the pages do beyond plain HTML. All of it is optional: without this file every page works.
//
//   [data-theme-toggle]         button that switches light and dark
//   body[data-refresh-url]      JSON asked every 60 s while the page is visible:
//       {"texts": {key: text}, "states": {key: state}, "title": text, "state": "ok|warn|bad"}
//   [data-live="key"]           takes texts[key]
//   [data-live-state="key"]     takes states[key] as its data-state, which is its colour
//   [data-poll-url]             JSON asked every 2 s; the page reloads when {"done": true}
//   input[data-filter="name"]   hides the rows in [data-filterable="name"] that lack its text
//   [data-chart="url"]          JSON of a plotly figure, drawn over the SVG
"use strict";

const REFRESH_MS = 60_000;
const POLL_MS = 2_000;
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

async function readJson(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok || answer.redirected) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

// --- theme ---------------------------------------------------------------------------------
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

function switchTheme() {
  const root = document.documentElement;
  const system = systemIsDark.matches ? "dark" : "light";
  const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  // Back at the system's own theme there is nothing to remember: follow the system again.
  if (next === system) delete root.dataset.theme;
  else root.dataset.theme = next;
  try {
    if (next === system) localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
  } catch {
    // Storage is off: the choice lasts for this page.
  }
}

// --- refresh -------------------------------------------------------------------------------
function show({ texts = {}, states = {}, title, state }) {
  for (const element of all("[data-live]")) {
    const text = texts[element.dataset.live];
    // Only what changed is written, so that a screen reader hears only news.
    if (text !== undefined && element.textContent !== text) element.textContent = text;
  }
  for (const { dataset } of all("[data-live-state]")) dataset.state = states[dataset.liveState] ?? dataset.state;
  for (const icon of all("link[rel=icon]")) icon.href = icon.dataset[state] ?? icon.href;
  if (title) document.title = title;
}

async function refresh(url) {
  if (document.hidden) return;
  try {
    show(await readJson(url));
  } catch (error) {
    console.warn("refresh failed", error); // the page keeps its numbers; their age is on it
  }
}

async function pollUntilDone(url) {
  try {
    if ((await readJson(url)).done) return location.reload();
  } catch (error) {
    console.warn("poll failed", error);
  }
  setTimeout(pollUntilDone, POLL_MS, url);
}

// --- filter --------------------------------------------------------------------------------
function filterRows(input) {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const scope = document.querySelector(`[data-filterable="${input.dataset.filter}"]`);
  for (const row of all("tbody tr, [data-row]", scope)) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
}

// --- chart ---------------------------------------------------------------------------------
function load(element) {
  return new Promise((resolve, reject) => {
    element.onload = resolve;
    element.onerror = () => reject(new Error("not loaded"));
    document.head.append(element);
  });
}

async function loadPlotly({ script, style }) {
  if (window.Plotly) return;
  // plotly looks for this id and class and then adds no styles of its own, which the content
  // security policy would refuse.
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: style });
  link.id = "plotly.js-style-global";
  link.className = "no-inline-styles";
  const code = Object.assign(document.createElement("script"), { src: script });
  await Promise.all([load(link), load(code)]);
}

async function drawChart(box) {
  const drawing = document.createElement("div");
  try {
    const [{ data, layout }] = await Promise.all([readJson(box.dataset.chart), loadPlotly(box.dataset)]);
    box.append(drawing);
    await window.Plotly.newPlot(drawing, data, layout, {
      displayModeBar: false, displaylogo: false, responsive: true,
    });
    all(":scope > svg", box).forEach((svg) => svg.remove());
  } catch (error) {
    drawing.remove(); // the SVG below it stays
    console.warn("chart stays as drawn by the server", error);
  }
}

// --- wiring --------------------------------------------------------------------------------
all("[data-theme-toggle]").forEach((button) => button.addEventListener("click", switchTheme));
all("[data-refresh-url]").forEach(({ dataset: { refreshUrl } }) => {
  setInterval(refresh, REFRESH_MS, refreshUrl);
  document.addEventListener("visibilitychange", () => refresh(refreshUrl));
});
all("[data-poll-url]").forEach(({ dataset }) => setTimeout(pollUntilDone, POLL_MS, dataset.pollUrl));
all("input[data-filter]").forEach((input) => {
  input.addEventListener("input", () => filterRows(input));
  if (input.value) filterRows(input); // what the browser restored after "back"
});
// An open menu hides what is below it: a click or a Tab past it closes it, and so does Escape.
for (const kind of ["click", "focusin"]) {
  document.addEventListener(kind, ({ target }) => {
    all("details.menu[open]").forEach((menu) => menu.contains(target) || (menu.open = false));
  });
}
document.addEventListener("keydown", ({ key }) => {
  const menu = key === "Escape" && document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// A chart that a phone's layout hides never comes into view: phones do not load plotly.
const watcher = new IntersectionObserver((entries) => {
  for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
    watcher.unobserve(target);
    (window.requestIdleCallback || setTimeout)(() => drawChart(target));
  }
}, { rootMargin: "200px" });
all("[data-chart]").forEach((box) => watcher.observe(box));
