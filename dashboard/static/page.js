// What every page shares: writes to the API, keys and their help, the heatmap's switch, news from the line.

const HEAT_KEY = "heatmap";

// Asks the API to change something. Returns the answer's JSON; throws an Error in words that can be shown.
export async function send(method, address, body) {
  const answer = await fetch(address, {
    method,
    headers: { "Content-Type": "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf]").content },
    body: body === undefined ? undefined : JSON.stringify(body),
    keepalive: true, // what was said counts even if the page is left at once
  }).catch(() => null);
  if (!answer) throw new Error("The page cannot be reached; nothing was changed.");
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  const detail = typeof said.detail === "string" ? said.detail : `Refused with status ${answer.status}.`;
  throw Object.assign(new Error(detail), { status: answer.status, said });
}

// The elements of a piece of a page; none if it cannot be had now.
export async function fragments(address) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) return [];
  const holder = document.createElement("template");
  holder.innerHTML = await answer.text();
  return [...holder.content.children];
}

// Says something for a few seconds, with a button if there is something to do about it.
export function say(words, button, act) {
  const bar = document.getElementById("say");
  bar.replaceChildren(document.createTextNode(words));
  if (button) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = button;
    made.addEventListener("click", () => { bar.hidden = true; act(); });
    bar.append(made);
  }
  bar.hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { bar.hidden = true; }, 6000);
}

// Takes back what was said: it is not so any more.
export function hush() {
  document.getElementById("say").hidden = true;
}

const keys = new Map();

// Makes a key do something, and lists it in the help that `?` shows. `key` is as in KeyboardEvent.key, lower case.
export function onKey(key, words, act) {
  keys.set(key, { words, act });
}

function listKeys() {
  const list = document.getElementById("keys-list");
  list.replaceChildren();
  const caps = new Map(); // words -> the cell of the keys that do this
  for (const [key, { words }] of keys) {
    if (!caps.has(words)) {
      const row = list.insertRow();
      caps.set(words, row.insertCell());
      row.insertCell().textContent = words;
    }
    const cap = document.createElement("kbd");
    cap.textContent = { " ": "Space", arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓" }[key] ?? key.toUpperCase();
    caps.get(words).append(cap, " ");
  }
  document.getElementById("keys").showModal();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  if (document.querySelector("dialog[open]")) return;
  if (["Enter", " "].includes(event.key) && event.target.closest?.("a, button, summary")) return; // they act themselves
  const found = keys.get(event.key.toLowerCase());
  if (!found) return;
  event.preventDefault();
  found.act(event);
}

export function showHeat(on) {
  document.documentElement.classList.toggle("no-heat", !on);
  document.getElementById("heat-toggle")?.setAttribute("aria-pressed", String(on));
}

export function heatIsOn() {
  return localStorage.getItem(HEAT_KEY) !== "off";
}

function switchHeat() {
  const on = document.documentElement.classList.contains("no-heat");
  localStorage.setItem(HEAT_KEY, on ? "on" : "off");
  showHeat(on);
}

export function showLink(state, words) {
  const link = document.getElementById("link");
  link.dataset.state = state;
  link.textContent = words;
}

// Listens to the line's news: `handlers` by event name; comes back by itself when the connection was lost.
// address: of another stream than the record's.
export function listen(handlers, { waiting = false, address } = {}) {
  const { after } = document.body.dataset; // none: from now on
  const news = new EventSource(address ?? `/api/v1/events${after ? `?after=${after}` : ""}`);
  news.onopen = () => showLink(waiting ? "waiting" : "live", waiting ? "Waiting" : "Live");
  news.onerror = () => {
    showLink("lost", "Connection lost");
    if (news.readyState === EventSource.CLOSED) setTimeout(() => comeBack(handlers, { waiting, address }), 3000);
  };
  news.addEventListener("reset", () => location.reload());
  for (const [name, act] of Object.entries(handlers)) news.addEventListener(name, act);
}

// After a refusal: to the sign-in page if that is why, else once more.
async function comeBack(handlers, options) {
  const answer = await fetch("/api/v1/me").catch(() => null);
  if (answer?.status === 401) location.reload();
  else listen(handlers, options);
}

showHeat(heatIsOn());
if (document.getElementById("heat-toggle")) onKey("h", "Heatmap on or off", switchHeat);
document.addEventListener("click", (event) => {
  if (event.target.closest("#heat-toggle")) switchHeat();
});
onKey("?", "These keys", listKeys);
document.getElementById("keys-button").addEventListener("click", listKeys);
document.addEventListener("keydown", pressed);
