// The what-if page moves its figures while a control changes. Without this file its button does.
//
//   form[data-whatif]     is asked for by GET as it stands; the address follows the answer's
//   [data-part="name"]    is replaced by the same part of the answer; "rows", which holds the
//                         controls, only where the answer has another number of them
"use strict";

(() => {
  const form = document.querySelector("form[data-whatif]");
  if (!form) return;
  const PAUSE_MS = 300; // between keys of one number
  const part = (root, name) => root.querySelector(`[data-part="${name}"]`);
  const controls = (root) => root.querySelectorAll("select, input").length;
  let timer = 0;
  let turn = 0;

  async function ask() {
    const mine = ++turn;
    try {
      const answer = await fetch(`${form.action}?${new URLSearchParams(new FormData(form))}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== turn || !part(page, "spans")) return; // an older answer, or the way to sign in
      swap(page);
      if (answer.redirected) history.replaceState(null, "", answer.url);
    } catch (error) {
      console.warn("the figures stay as they were", error); // the button still asks
    }
  }

  function swap(page) {
    for (const name of ["sentence", "refused", "links", "changes", "spans"]) {
      part(document, name).replaceChildren(...part(page, name).childNodes);
    }
    const keep = part(document, "keep");
    const typed = keep.querySelector("[name=name]")?.value ?? "";
    keep.replaceChildren(...part(page, "keep").childNodes);
    const field = keep.querySelector("[name=name]");
    if (field) field.value = typed;
    swapRows(part(document, "rows"), part(page, "rows"));
  }

  function swapRows(rows, others) {
    if (controls(rows) === controls(others)) return;
    const focused = document.activeElement?.id;
    rows.replaceChildren(...others.childNodes);
    if (focused) document.getElementById(focused)?.focus();
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
})();
