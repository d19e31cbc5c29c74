// The line at a glance: live pictures, what each camera does, and orders to the line by button and by key.
import { fragments, listen, onKey, say, send } from "./page.js";
import { liveView } from "./live.js";

const AGE_EVERY_MS = 200;
const FACTS_EVERY_MS = 1000;
const UNREACHABLE_MS = 4000;
const AT_WORK = ["starting", "inspecting", "restarting"];
const RESTING = ["stopped", "failed"];

const stations = [...document.querySelectorAll(".station")];
const views = new Map(stations.map((station) => [station.dataset.camera, liveView(station, Number(document.body.dataset.limit))]));
const why = document.getElementById("why");
const change = document.getElementById("change");
const asked = new Set();
let chosen = stations[0];

// what the record says, once a second

let heard = performance.now();

async function renewFacts() {
  const parts = document.hidden ? [] : await fragments("/line/facts");
  const cameras = parts.filter((part) => part.dataset.camera).map((part) => part.dataset.camera);
  if (parts.length && cameras.join("/") !== stations.map((station) => station.dataset.camera).join("/")) {
    location.reload(); // another run has other cameras
    return;
  }
  for (const part of parts) {
    const old = document.getElementById(part.id);
    if (!old.isEqualNode(part) && !old.closest("dialog[open]")) old.replaceWith(part);
  }
  if (parts.length || document.hidden) heard = performance.now();
  const silent = performance.now() - heard > UNREACHABLE_MS;
  document.body.classList.toggle("silent", silent);
  const said = document.getElementById("unreachable");
  if (silent && said.hidden) said.textContent = `This page has not reached its server since ${new Date(Date.now() - performance.now() + heard).toLocaleTimeString()}; nothing below is of now.`;
  said.hidden = !silent;
  offer();
  answers();
  setTimeout(renewFacts, FACTS_EVERY_MS);
}

function factsOf(station) {
  return station.querySelector(".facts-now").dataset;
}

// Shows the buttons of what can be asked of each camera now.
function offer() {
  for (const station of stations) {
    const { state, lost } = factsOf(station);
    const can = lost === undefined && { stop: AT_WORK.includes(state), start: RESTING.includes(state), changeover: AT_WORK.includes(state) || RESTING.includes(state) };
    for (const button of station.querySelectorAll("[data-ask]")) button.hidden = !can || !can[button.dataset.ask];
  }
}

// Says what came of the orders that were asked here.
function answers() {
  for (const item of document.querySelectorAll("#orders .done, #orders .refused")) {
    if (asked.delete(item.dataset.order)) say(`${item.querySelector(".how").textContent}: ${item.querySelector(".answer").textContent}`);
  }
}

// orders

async function order(body, words) {
  try {
    const placed = await send("POST", "/api/v1/orders", body);
    asked.add(String(placed.id));
    say(`Asked: ${words}`);
  } catch (error) {
    say(error.message);
  }
}

function possible(kind, station) {
  const button = station?.querySelector(`[data-ask="${kind}"]`);
  return button && !button.hidden;
}

function ask(kind, station = chosen) {
  if (!possible(kind, station)) return;
  choose(station);
  const { camera } = station.dataset;
  if (kind === "changeover") {
    document.getElementById("change-title").textContent = `Change ${camera} over to`;
    for (const button of change.querySelectorAll("[data-category]")) button.disabled = button.dataset.category === factsOf(station).category;
    change.showModal();
    return;
  }
  const verb = kind === "stop" ? "Stop" : "Start";
  document.getElementById("why-title").textContent = `${verb} ${camera}`;
  document.getElementById("why-ask").textContent = verb;
  document.getElementById("reason").value = "";
  why.dataset.kind = kind;
  for (const button of why.querySelectorAll("[data-for]")) button.hidden = button.dataset.for !== kind;
  why.showModal();
}

why.querySelector("form").addEventListener("submit", () => {
  const { kind } = why.dataset;
  order({ kind, camera: chosen.dataset.camera, reason: document.getElementById("reason").value }, `${kind} ${chosen.dataset.camera}`);
});
why.addEventListener("click", ({ target }) => {
  if (target.dataset.reason) document.getElementById("reason").value = target.dataset.reason;
  if ("close" in target.dataset) why.close();
});

function changeOver(button) {
  if (!button || button.disabled) return;
  const { category } = button.dataset;
  change.close();
  order({ kind: "changeover", camera: chosen.dataset.camera, category }, `change ${chosen.dataset.camera} over to ${category}`);
}

change.addEventListener("click", ({ target }) => changeOver(target.closest("[data-category]")));
document.addEventListener("keydown", ({ key }) => {
  if (change.open && /^[1-9]$/.test(key)) changeOver(change.querySelectorAll("[data-category]")[key - 1]);
});

// which camera the keys are for

function choose(station) {
  chosen = station;
  for (const each of stations) each.classList.toggle("chosen", stations.length > 1 && each === station);
}

for (const station of stations) {
  station.addEventListener("focusin", () => choose(station));
  station.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-ask]");
    if (button) ask(button.dataset.ask, station);
  });
}
if (stations.length > 1) {
  stations.slice(0, 9).forEach((station, place) => onKey(String(place + 1), `Keys are for ${station.dataset.camera}`, () => station.focus()));
}
onKey("s", "Stop the camera; asks why", () => ask("stop"));
if (document.body.dataset.engineer) {
  onKey("g", "Start the camera; asks why", () => ask("start"));
  onKey("c", "Change the camera over; then the number of a category", () => ask("changeover"));
}

choose(chosen);
setInterval(() => views.forEach((view) => view.age()), AGE_EVERY_MS);
const renewAll = () => views.forEach((view) => view.renew());
document.addEventListener("visibilitychange", () => { views.forEach((view) => view.age()); renewAll(); });
listen({ live: (event) => views.get(JSON.parse(event.data).camera)?.renew() }, { address: "/api/v1/live" });
renewAll();
renewFacts();
