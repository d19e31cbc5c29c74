// The queue's cards: choose some, say one thing of all of them, or open one.
import { onKey, say } from "./page.js";
import { refill } from "./refill.js";
import { numberOrNull, record, undo } from "./said.js";

const cards = document.getElementById("cards");
const bar = document.getElementById("batch");
let anchor = null; // the box that was ticked last, where a range begins

const boxes = () => [...cards.querySelectorAll(".tick input")];
const chosen = () => boxes().filter((box) => box.checked);
const cardOf = (element) => element.closest(".card");

function refresh() {
  const number = chosen().length;
  document.getElementById("chosen").textContent = number ? `${number} chosen` : "";
  document.getElementById("batch-verdicts").hidden = !number;
  const start = document.getElementById("start");
  start.hidden = !cards.children.length;
  if (!start.hidden) start.href = cards.querySelector(".picture").href;
  const all = document.getElementById("tick-all");
  all.checked = number > 0 && number === boxes().length;
  all.indeterminate = number > 0 && !all.checked;
  for (const box of boxes()) cardOf(box).classList.toggle("chosen", box.checked);
}

function tick(box, on, range) {
  const all = boxes();
  const from = range && all.includes(anchor) ? all.indexOf(anchor) : all.indexOf(box);
  const [low, high] = [from, all.indexOf(box)].sort((a, b) => a - b);
  for (const each of all.slice(low, high + 1)) each.checked = on;
  anchor = box;
  refresh();
}

function tickAll(on) {
  for (const box of boxes()) box.checked = on;
  refresh();
}

async function decide(verdict, kind = null) {
  const frames = chosen().map(cardOf);
  if (frames.length) await tell(frames, verdict, kind);
  else say("Choose frames first: X, or All on this page.");
}

async function tell(frames, verdict, kind) {
  const seen = Object.fromEntries(frames.map(({ dataset }) => [dataset.id, numberOrNull(dataset.seen)]));
  try {
    await record({ frames: frames.map(({ dataset }) => Number(dataset.id)), verdict, kind, seen });
    for (const card of frames) card.remove();
    say(`${frames.length} ${frames.length === 1 ? "frame" : "frames"}: ${kind ?? verdict.replaceAll("_", " ")}.`, "Undo", takeBack);
  } catch (error) {
    refuse(error, frames, verdict, kind);
  }
  refresh();
  refill();
}

// Somebody was faster with some of them: nothing was recorded, and the rest can be.
function refuse(error, frames, verdict, kind) {
  const latest = new Map((error.said?.latest ?? []).map((review) => [String(review.frame), review]));
  const rest = frames.filter(({ dataset }) => !latest.has(dataset.id));
  if (!latest.size) {
    say(error.message);
    return;
  }
  const [one] = latest.values();
  const words = `${latest.size} of ${frames.length} already reviewed, by ${one.reviewer} as ${one.verdict.replaceAll("_", " ")}.`;
  for (const card of frames) if (latest.has(card.dataset.id)) card.remove();
  if (rest.length) say(words, `Record the other ${rest.length}`, () => tell(rest, verdict, kind));
  else say(words);
}

async function takeBack() {
  try {
    const frames = await undo();
    if (frames.length) location.reload();
    else say("Nothing to undo.");
  } catch (error) {
    say(error.message);
  }
}

// Keys move the focus from card to card.
function focused() {
  return document.activeElement?.closest(".card");
}

function move(by) {
  const all = [...cards.children];
  const at = all.indexOf(focused());
  all[Math.min(all.length - 1, Math.max(0, at + by))]?.querySelector(".picture").focus();
}

function wire() {
  bar.addEventListener("click", ({ target }) => {
    const verdict = target.closest("[data-say]")?.dataset.say;
    if (verdict) decide(verdict);
  });
  document.getElementById("tick-all").addEventListener("change", ({ target }) => tickAll(target.checked));
  document.getElementById("batch-kind")?.addEventListener("change", ({ target }) => {
    if (target.value) decide("confirmed_defect", target.value);
    target.value = "";
  });
  cards.addEventListener("click", (event) => {
    const box = event.target.closest(".tick input");
    if (box) tick(box, box.checked, event.shiftKey);
  });
  new MutationObserver(refresh).observe(cards, { childList: true });
  onKey("x", "Choose the card in focus, or the first; Shift+X a range", ({ shiftKey }) => {
    const box = (focused() ?? cards.firstElementChild)?.querySelector(".tick input");
    if (box) tick(box, shiftKey || !box.checked, shiftKey);
  });
  onKey("a", "Choose all on this page, or none", () => tickAll(chosen().length < boxes().length));
  onKey("d", "All chosen: defect", () => decide("confirmed_defect"));
  onKey("f", "All chosen: false alarm", () => decide("false_alarm"));
  onKey("u", "All chosen: unsure", () => decide("unsure"));
  onKey("z", "Undo your last verdict", takeBack);
  for (const key of ["arrowright", "j"]) onKey(key, "Next card", () => move(1));
  for (const key of ["arrowleft", "k"]) onKey(key, "Previous card", () => move(-1));
  onKey("r", "Review one by one", () => document.getElementById("start").click());
  refresh();
}

if (bar) wire();
addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); }); // kept as it was when it was left
