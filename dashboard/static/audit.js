// Passed parts, one after another, judged by their picture alone; the next one is fetched while a person looks.
import { kindKeys } from "./kind_keys.js";
import { onKey, say } from "./page.js";
import { record, undo } from "./said.js";
import { zoom } from "./zoom.js";

const article = document.getElementById("sample");
const picture = document.getElementById("picture");
const note = document.getElementById("note");
let frame = Number(article.dataset.frame);
let waiting = Number(article.dataset.waiting);
let sent = Promise.resolve(null); // the last verdict: null once it is recorded, or the refusal
let coming = frame ? fetchNext() : null;

// The next part with its picture loaded; null if the page cannot be reached. A verdict on its way comes first: what was
// judged is not drawn again.
async function fetchNext() {
  await sent;
  const answer = await fetch(`/api/v1/audit/next?without=${frame}`).catch(() => null);
  if (!answer?.ok) return null;
  const next = await answer.json();
  if (next.sample) {
    const image = new Image();
    image.src = next.sample.picture;
    await image.decode().catch(() => {});
  }
  return next;
}

function show({ sample }) {
  document.getElementById("waiting").textContent = waiting;
  article.hidden = !sample;
  document.getElementById("nothing").hidden = Boolean(sample);
  frame = sample?.frame ?? 0;
  if (!sample) return;
  picture.src = sample.picture;
  document.getElementById("about").textContent = [sample.camera, sample.category].filter(Boolean).join(" · ");
  note.value = "";
  zoom.reset();
  coming = fetchNext();
}

async function decide(verdict, kind = null) {
  if (!frame) return;
  const body = { frame, verdict, kind, note: note.value.trim() || null };
  const ahead = coming;
  frame = 0; // until the next one is here, a key says nothing
  sent = record(body, "/api/v1/audit/verdicts").then(() => null, (error) => error);
  const next = await ahead;
  waiting = Math.max(0, waiting - 1);
  if (next) show(next);
  const error = await sent;
  if (error) say(`Not recorded: ${error.message}`);
  else if (!next) location.reload();
}

async function takeBack() {
  try {
    const frames = await undo();
    say(frames.length ? "Undone; that part comes again." : "Nothing to undo.");
    if (frames.length && !frame) location.reload();
    else if (frames.length) document.getElementById("waiting").textContent = waiting += 1;
  } catch (error) {
    say(error.message);
  }
}

onKey("g", "Good", () => decide("confirmed_ok"));
onKey("d", "Defect", () => decide("confirmed_defect"));
onKey("u", "Unsure", () => decide("unsure"));
kindKeys((kind) => decide("confirmed_defect", kind));
onKey("n", "Write a note that goes with your verdict; Enter ends it", () => note.focus());
onKey("z", "Undo your last verdict", takeBack);
onKey("+", "Larger; the wheel does it, too", () => zoom.larger());
onKey("-", "Smaller", () => zoom.smaller());
onKey("0", "The whole picture", () => zoom.whole());

article.addEventListener("click", ({ target }) => {
  const said = target.closest("[data-say]")?.dataset;
  if (said) decide(said.say, said.kind ?? null);
  const act = target.closest("[data-do]")?.dataset.do;
  if (act === "undo") takeBack();
  else if (act) zoom[act]();
});
note.addEventListener("keydown", ({ key, isComposing }) => {
  if (!isComposing && (key === "Enter" || key === "Escape")) note.blur();
});
