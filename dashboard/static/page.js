// Live counts and cards, and the heatmap's switch. Everything else is plain pages.
"use strict";

const MOST_CARDS = 60;
const SUMMARY_EVERY_MS = 1000;
const HEAT_KEY = "heatmap";

function showHeat(on) {
  document.documentElement.classList.toggle("no-heat", !on);
  document.getElementById("heat-toggle")?.setAttribute("aria-pressed", String(on));
}

function switchHeat() {
  const on = document.documentElement.classList.contains("no-heat");
  localStorage.setItem(HEAT_KEY, on ? "on" : "off");
  showHeat(on);
}

function onKey(event) {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key.toLowerCase() === "h" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing) switchHeat();
}

// The elements of a piece of a page; none if it cannot be had now.
async function fragments(address) {
  const answer = await fetch(address).catch(() => null);
  if (!answer?.ok) return [];
  const holder = document.createElement("template");
  holder.innerHTML = await answer.text();
  return [...holder.content.children];
}

// New cards wait here while others are fetched; of a burst only what fits on the page is fetched at all.
function cardFeed() {
  let waiting = [];
  let busy = false;
  async function work() {
    busy = true;
    while (waiting.length) {
      const ids = waiting;
      waiting = [];
      const cards = await Promise.all(ids.map((id) => fragments(`/frames/${id}/card`)));
      for (const [card] of cards) if (card) prepend(card);
    }
    busy = false;
  }
  return (id) => {
    waiting.push(id);
    if (waiting.length > MOST_CARDS) waiting.shift();
    if (!busy) work();
  };
}

function prepend(card) {
  if (document.getElementById(card.id)) return;
  const cards = document.getElementById("cards");
  card.classList.add("new");
  cards.prepend(card);
  document.getElementById("nothing").hidden = true;
  while (cards.children.length > MOST_CARDS) cards.lastElementChild.remove();
}

// Fetches the counts at most once a second, and once more after the last change.
function summaryFeed() {
  let timer = null;
  async function refresh() {
    const parts = await fragments("/summary");
    timer = null;
    for (const part of parts) document.getElementById(part.id).replaceWith(part);
  }
  return () => {
    if (timer === null) timer = setTimeout(refresh, SUMMARY_EVERY_MS);
  };
}

function showLink(state, words) {
  const link = document.getElementById("link");
  link.dataset.state = state;
  link.textContent = words;
}

function listen() {
  const { page, live, after } = document.body.dataset;
  const news = new EventSource(`/api/v1/events?after=${after}`);
  const empty = page === "empty";
  news.onopen = () => showLink(empty ? "waiting" : "live", empty ? "Waiting" : "Live");
  news.onerror = () => {
    showLink("lost", "Connection lost");
    if (news.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
  news.addEventListener("reset", () => location.reload());
  if (empty) return news.addEventListener("counts", () => location.reload());
  news.addEventListener("counts", summaryFeed());
  if (live) {
    const feed = cardFeed();
    news.addEventListener("flagged", (event) => feed(event.data));
  }
}

showHeat(localStorage.getItem(HEAT_KEY) !== "off");
document.addEventListener("DOMContentLoaded", () => {
  showHeat(localStorage.getItem(HEAT_KEY) !== "off");
  document.getElementById("heat-toggle")?.addEventListener("click", switchHeat);
  document.addEventListener("keydown", onKey);
  if (document.body.dataset.after !== undefined) listen();
});
