// The drawing board: polygons over a reference picture, in shares of its width and height.
import { hush, onKey, say, send } from "./page.js";

const NS = "http://www.w3.org/2000/svg";
const GRAB = 0.02; // how near a corner counts as hit, as a share of the width
const STEP = 0.01;
const POLL_MS = 2000;

const { category, bundle } = document.body.dataset;
const board = document.getElementById("board");
const sheet = document.getElementById("sheet");
const reference = document.getElementById("reference");
let polygons = []; // { kind: "area" | "ignore", corners: [[x, y], ...] }
let open = null;
let kind = "area";
let dragged = null;
let cross = null;
let cut = "cut" in document.body.dataset; // whether something is left out by now, as the bundle has it or as it was drawn last

const aspect = () => reference.naturalHeight / reference.naturalWidth;
const path = (corners) => corners.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y * aspect()}`).join("");
const near = ([x0, y0], [x1, y1]) => Math.hypot(x0 - x1, (y0 - y1) * aspect()) < GRAB;

function add(name, attributes) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  sheet.append(made);
}

function draw() {
  if (!reference.naturalWidth) return;
  sheet.setAttribute("viewBox", `0 0 1 ${aspect()}`);
  sheet.replaceChildren();
  const areas = polygons.filter((each) => each.kind === "area");
  // Outside of several polygons at once: each hole is cut by a mask, since overlapping ones would cancel by even-odd.
  if (areas.length) {
    add("mask", { id: "holes" });
    const mask = sheet.lastChild;
    mask.innerHTML = `<rect width="1" height="${aspect()}" fill="white"/>` + areas.map((each) => `<path d="${path(each.corners)}Z" fill="black"/>`).join("");
    add("rect", { class: "sheet-shade", width: 1, height: aspect(), mask: "url(#holes)" });
  }
  for (const each of polygons) add("path", { class: `outline ${each.kind}`, d: `${path(each.corners)}Z` });
  if (open) add("path", { class: "outline open", d: path(open) });
  for (const each of [...polygons.map((one) => one.corners), open ?? []]) {
    each.forEach(([x, y], i) => add("circle", { class: each === open && i === 0 ? "corner first" : "corner", cx: x, cy: y * aspect(), r: 0.007 }));
  }
  if (cross) {
    const [x, y] = cross;
    add("path", { class: "cross", d: `M${x - 0.03} ${y * aspect()}h.06M${x} ${y * aspect() - 0.03}v.06` });
  }
  board.classList.toggle("drawn", polygons.length > 0);
  list();
}

function list() {
  const holder = document.getElementById("polygons");
  holder.replaceChildren();
  polygons.forEach((each, i) => {
    const row = document.createElement("li");
    row.textContent = `${each.kind === "area" ? "What counts" : "Ignore"}, ${each.corners.length} corners`;
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove polygon ${i + 1}`);
    remove.addEventListener("click", () => { polygons.splice(i, 1); draw(); });
    row.append(remove);
    holder.append(row);
  });
}

function setKind(wanted) {
  kind = wanted;
  for (const each of ["area", "ignore"]) document.getElementById(`mode-${each}`).setAttribute("aria-pressed", String(each === kind));
}

function place(corner) {
  if (open?.length >= 3 && near(corner, open[0])) return close();
  open = [...(open ?? []), corner];
  draw();
}

function close() {
  if (!open) return;
  if (open.length < 3) return say("A polygon needs three corners at least.");
  polygons.push({ kind, corners: open });
  open = null;
  hush();
  draw();
}

function drop() {
  open = null;
  hush();
  draw();
}

function takeBack() {
  if (open) open = open.length > 1 ? open.slice(0, -1) : null;
  else polygons.pop();
  draw();
}

const clamp = (value) => Math.min(1, Math.max(0, value));
function at(event) {
  const box = board.getBoundingClientRect();
  return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
}

function grabbed(corner) {
  for (const { corners } of polygons) {
    const i = corners.findIndex((each) => near(each, corner));
    if (i >= 0) return { corners, i };
  }
  return null;
}

board.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  dragged = open ? null : grabbed(at(event));
  if (dragged) board.setPointerCapture(event.pointerId);
  else place(at(event));
});
board.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  dragged.corners[dragged.i] = at(event);
  draw();
});
board.addEventListener("pointerup", () => { dragged = null; });

function moveCross(dx, dy) {
  const [x, y] = cross ?? [0.5, 0.5];
  cross = cross ? [clamp(x + dx), clamp(y + dy)] : [x, y];
  draw();
}

const told = document.getElementById("state-words");
function tell(drawn) {
  const words = { waiting: "saved, waiting for the line to make a bundle of it", doing: "the next bundle is being made" };
  told.textContent = `${drawn.drawn_by}, ${new Date(drawn.drawn_at).toLocaleString("sv-SE")}: ${drawn.answer ?? words[drawn.state]}`;
  document.getElementById("who-makes-it").hidden = drawn.state === "done";
}

async function watch() {
  const answer = await fetch(`/api/v1/regions/${encodeURIComponent(category)}`).catch(() => null);
  const found = answer?.ok ? await answer.json() : null;
  if (found?.drawn) tell(found.drawn);
  if (!found || ["waiting", "doing"].includes(found.drawn?.state)) setTimeout(watch, POLL_MS);
}

function save() {
  if (open) say("One polygon is still open: close it with Enter, or drop it with Esc.");
  else if (!polygons.length && cut) say("Nothing is drawn: the whole picture would count.", "Save that", ask);
  else ask();
}

// Asks the line for a bundle of what is drawn.
async function ask() {
  const of = (wanted) => polygons.filter((each) => each.kind === wanted).map((each) => each.corners);
  try {
    const saved = await send("POST", `/api/v1/regions/${encodeURIComponent(category)}`, { bundle, area: of("area"), ignore: of("ignore") });
    cut = cut || polygons.length > 0;
    tell(saved.drawn);
    say("running" in document.body.dataset ? "Saved. The line makes the next bundle of it." : "Saved. No line runs now that would make a bundle of it.");
    setTimeout(watch, POLL_MS);
  } catch (error) {
    say(error.message);
  }
}

async function begin() {
  const answer = await fetch(`/api/v1/regions/${encodeURIComponent(category)}`).catch(() => null);
  const drawn = answer?.ok ? (await answer.json()).drawn : null;
  if (drawn) {
    polygons = ["area", "ignore"].flatMap((each) => drawn[each].map((corners) => ({ kind: each, corners })));
    cut = cut || polygons.length > 0;
    if (["waiting", "doing"].includes(drawn.state)) setTimeout(watch, POLL_MS);
  }
  draw();
}

if (board) {
  document.getElementById("mode-area").addEventListener("click", () => setKind("area"));
  document.getElementById("mode-ignore").addEventListener("click", () => setKind("ignore"));
  document.getElementById("save").addEventListener("click", save);
  onKey("a", "Draw what counts", () => setKind("area"));
  onKey("i", "Draw what is ignored", () => setKind("ignore"));
  onKey("enter", "Close the polygon", close);
  onKey("escape", "Drop the open polygon", drop);
  onKey("z", "Take the last corner or polygon back", takeBack);
  onKey("s", "Save", save);
  onKey("arrowleft", "Move the cross", () => moveCross(-STEP, 0));
  onKey("arrowright", "Move the cross", () => moveCross(STEP, 0));
  onKey("arrowup", "Move the cross", () => moveCross(0, -STEP));
  onKey("arrowdown", "Move the cross", () => moveCross(0, STEP));
  onKey(" ", "Set a corner at the cross", () => { if (cross) place(cross); });
  reference.addEventListener("load", draw);
  begin();
}
