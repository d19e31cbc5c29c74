// One frame after another: a key says what it is, and the next one, which is here already, takes its place.
import { fragments, heatIsOn, listen, onKey, say, showHeat } from "./page.js";
import { kindKeys } from "./kind_keys.js";
import { numberOrNull, record, undo } from "./said.js";
import { zoom } from "./zoom.js";

const query = document.body.dataset.query;
const cache = new Map(); // frame id -> promise of its article, with its pictures loaded
const decided = new Set(); // frames whose verdict is on its way
const drafts = new Map(); // frame id -> a note that was not sent yet
let current = document.getElementById("frame");

const done = document.getElementById("done");
const addressOf = (id) => `/frames/${id}${query}`;

function get(id) {
  if (!cache.has(id)) cache.set(id, load(id));
  return cache.get(id);
}

async function load(id) {
  const [article] = await fragments(`/frames/${id}/review${query}`);
  if (!article) {
    cache.delete(id);
    return null;
  }
  await Promise.allSettled([...article.querySelectorAll("img")].map(({ src }) => preload(src)));
  return article;
}

function preload(address) {
  const image = new Image();
  image.src = address;
  return image.decode();
}

function mount(article) {
  (current.isConnected ? current : done).replaceWith(article);
  done.hidden = true;
  current = article;
  document.title = article.dataset.title;
  ready();
}

// What a frame needs once it is on the page; the neighbours are fetched while a person looks at it.
function ready() {
  showHeat(heatIsOn());
  showBoxes(localStorage.getItem("boxes") !== "off");
  const slider = document.getElementById("opacity");
  if (slider) slider.value = localStorage.getItem("opacity") ?? "1";
  setOpacity(localStorage.getItem("opacity") ?? "1");
  const note = document.getElementById("note");
  if (note) note.value = drafts.get(current.dataset.id) ?? "";
  zoom.reset();
  for (const near of [current.dataset.next, current.dataset.previous]) if (near) get(near);
}

// Shows a frame under its own address; `fresh`: asks the record again.
async function show(id, { history: how = "push", fresh = false } = {}) {
  keepDraft();
  if (fresh) cache.delete(id);
  const article = await get(id);
  if (!article) {
    say("This frame cannot be had now. Is the page still running?");
    return;
  }
  mount(article);
  if (how === "push") history.pushState({ id }, "", addressOf(id));
  if (how === "replace") history.replaceState({ id }, "", addressOf(id));
}

function keepDraft() {
  const note = document.getElementById("note");
  if (note?.value) drafts.set(current.dataset.id, note.value);
}

// The next frame that nobody decided here; at the end of the queue from its start. Not where the person has gone on,
// or the verdict was refused and its frame brought back, while the next one was fetched.
async function advance() {
  const from = current;
  let { next } = from.dataset;
  while (next && await isSaid(next)) next = (await get(next))?.dataset.next;
  next ||= await first();
  if (current !== from) return;
  if (next) await show(next);
  else finish();
}

async function isSaid(id) {
  return decided.has(id) || Boolean((await get(id))?.querySelector(".said"));
}

// The queue may be of a moment before a verdict of here was in the record: the frames themselves are asked, too.
async function first() {
  const answer = await fetch(`/api/v1/queue${query}${query ? "&" : "?"}limit=50`).catch(() => null);
  if (!answer?.ok) return null;
  const { frames } = await answer.json();
  for (const id of frames.map((frame) => String(frame.id))) if (id !== current.dataset.id && !(await isSaid(id))) return id;
  return null;
}

function finish() {
  keepDraft();
  if (current.isConnected) current.replaceWith(done);
  done.hidden = false;
}

function step(way) {
  const id = current.dataset[way];
  if (id && current.isConnected) show(id);
}

function decide(verdict, kind) {
  const frame = current;
  const { id } = frame.dataset;
  if (!frame.isConnected || !frame.querySelector(".verdicts") || decided.has(id)) return;
  const note = document.getElementById("note").value.trim();
  const body = { frames: [Number(id)], verdict, kind, note: note || null, seen: { [id]: numberOrNull(frame.dataset.seen) } };
  document.getElementById("note").value = "";
  drafts.delete(id);
  tell(body, id, note);
  advance();
}

// Sends it; a refusal brings the frame back with the reason.
async function tell(body, id, note) {
  decided.add(id);
  cache.delete(id);
  try {
    await record(body);
    decided.delete(id);
    cache.delete(id);
  } catch (error) {
    decided.delete(id);
    if (note) drafts.set(id, note);
    await show(id, { fresh: true });
    const latest = error.status === 409 ? error.said.latest?.[0] : null;
    if (!latest) say(error.message);
    else say(`Already reviewed by ${latest.reviewer} as ${words(latest)}.`, "Add mine too", () => again(body, id, note, latest.id));
  }
}

function again(body, id, note, seen) {
  tell({ ...body, seen: { [id]: seen } }, id, note);
  advance();
}

function words({ verdict, kind }) {
  return verdict.replaceAll("_", " ") + (kind ? `: ${kind}` : "");
}

async function takeBack() {
  try {
    const [undone] = await undo();
    if (!undone) {
      say("Nothing to undo.");
      return;
    }
    const id = String(undone.frame);
    if (undone.note) drafts.set(id, undone.note);
    await show(id, { fresh: true });
    say("Undone.");
  } catch (error) {
    say(error.message);
  }
}

function showBoxes(on) {
  document.documentElement.classList.toggle("no-boxes", !on);
  document.getElementById("boxes-toggle")?.setAttribute("aria-pressed", String(on));
}

function switchBoxes() {
  const on = document.documentElement.classList.contains("no-boxes");
  localStorage.setItem("boxes", on ? "on" : "off");
  showBoxes(on);
}

function setOpacity(value) {
  localStorage.setItem("opacity", value);
  document.documentElement.style.setProperty("--heat", value);
}

function clicked(event) {
  const chosen = event.target.closest("[data-say]");
  if (chosen) decide(chosen.dataset.say, chosen.dataset.kind ?? null);
  const { do: act } = event.target.closest("[data-do]")?.dataset ?? {};
  if (act === "undo") takeBack();
  if (act === "larger" || act === "smaller" || act === "whole") zoom[act]();
  if ((act === "next" || act === "previous") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    step(act);
  }
  if (event.target.closest("#boxes-toggle")) switchBoxes();
}

// Somebody else's verdict on the frame that is being looked at.
function heard({ data }) {
  const review = JSON.parse(data);
  const id = String(review.frame);
  if (decided.has(id)) return;
  cache.delete(id);
  if (id !== current.dataset.id || !current.isConnected || review.id <= Number(current.dataset.seen)) return;
  const who = review.undone_by ?? review.reviewer;
  say(`${who} just ${review.undoes ? "undid a verdict; now" : "said of this frame"}: ${words(review)}.`, "Show", () => show(id, { history: "replace", fresh: true }));
}

onKey("d", "Defect", () => decide("confirmed_defect", null));
onKey("f", "False alarm, or a good part", () => current.querySelector("[aria-keyshortcuts=f]")?.click());
onKey("u", "Unsure", () => decide("unsure", null));
kindKeys((kind) => decide("confirmed_defect", kind));
onKey("n", "Write a note that goes with your verdict; Enter ends it", () => document.getElementById("note")?.focus());
onKey("z", "Undo your last verdict", takeBack);
for (const key of ["arrowright", "j"]) onKey(key, "Next, without a verdict", () => step("next"));
for (const key of ["arrowleft", "k"]) onKey(key, "Previous, without a verdict", () => step("previous"));
onKey("h", "Heatmap on or off", () => document.getElementById("heat-toggle")?.click());
onKey("b", "Boxes on or off", switchBoxes);
onKey("+", "Larger; the wheel does it, too", () => zoom.larger());
onKey("-", "Smaller", () => zoom.smaller());
onKey("0", "The whole picture", () => zoom.whole());
onKey("q", "Back to the queue", () => location.assign(`/${query}`));

document.addEventListener("click", clicked);
document.addEventListener("input", ({ target }) => { if (target.id === "opacity") setOpacity(target.value); });
document.addEventListener("keydown", ({ key, target, isComposing }) => {
  if (target.id === "note" && !isComposing && (key === "Enter" || key === "Escape")) target.blur();
  if (target.id === "opacity" && key === "Escape") target.blur();
});
addEventListener("popstate", ({ state }) => show(String(state?.id ?? current.dataset.id), { history: "none", fresh: true }));
addEventListener("pageshow", ({ persisted }) => { if (persisted) show(current.dataset.id, { history: "none", fresh: true }); });
history.replaceState({ id: current.dataset.id }, "");
ready();
listen({ review: heard });
