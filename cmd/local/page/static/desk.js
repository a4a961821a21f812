// The desk works without this. It tells the program that the page is still open, shows how a run goes on, and lets days be
// dragged over.
"use strict";
const body = document.body;
let failed = 0;

async function ping() {
  try {
    const answer = await fetch("/ping");
    if (!answer.ok) throw new Error();
    failed = 0;
    return await answer.json();
  } catch {
    if (++failed >= 2) gone();
    return null;
  }
}

// The program has ended, or this computer slept for long: what stands here is old.
function gone() {
  if (document.getElementById("gone")) return;
  const said = document.createElement("p");
  said.id = "gone";
  said.className = "sheet wrong";
  said.setAttribute("role", "alert");
  said.textContent = body.dataset.gone;
  document.querySelector("main").prepend(said);
}

const bar = document.querySelector("[data-progress]");
const counting = document.querySelector("[data-counting]");
async function watch() {
  const state = await ping();
  if (counting && state && !state.counting) return location.reload();
  if (bar && state) {
    if (!state.working) return location.reload();
    const meter = bar.querySelector("progress");
    if (state.of > 0) { meter.max = state.of; meter.value = state.done; }
    bar.querySelector("output").textContent = state.text;
  }
  setTimeout(watch, bar || counting ? 1000 : 60000);
}
watch();

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// A month: press on the first day, let go on the last. A keyboard and a plain click close one day by its button, and a
// span by the two date fields.
const month = document.querySelector("[data-month]");
if (month) {
  const days = [...month.querySelectorAll("button[name=day]")];
  let first = -1, last = -1;
  const span = () => days.slice(Math.min(first, last), Math.max(first, last) + 1);
  const paint = () => days.forEach((d) => d.classList.toggle("chosen", first >= 0 && first !== last && span().includes(d)));
  const under = (e) => days.indexOf(document.elementFromPoint(e.clientX, e.clientY)?.closest("button[name=day]"));
  month.addEventListener("pointerdown", (e) => { first = last = under(e); });
  addEventListener("pointermove", (e) => {
    const at = first < 0 ? -1 : under(e);
    if (at >= 0 && at !== last) { last = at; paint(); }
  });
  addEventListener("pointerup", () => {
    if (first >= 0 && first !== last) {
      const chosen = span(), form = month.closest("form");
      form.elements.first.value = chosen[0].value;
      form.elements.last.value = chosen.at(-1).value;
      form.requestSubmit(form.querySelector("[data-span]"));
    }
    first = last = -1;
    paint();
  });
}
