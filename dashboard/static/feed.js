// New cards and counts on the first page, as the line makes them.
import { fragments, listen } from "./page.js";
import { refill } from "./refill.js";

const MOST_CARDS = 60;
const RENEW_EVERY_MS = 1000;

// New cards wait here while others are fetched; of a burst only what fits on the page is fetched at all.
function cardFeed() {
  let waiting = [];
  let busy = false;
  async function work() {
    busy = true;
    while (waiting.length) {
      while (document.querySelector(".card.chosen")) await new Promise((go) => setTimeout(go, 500)); // no card moves now
      const ids = waiting;
      waiting = [];
      const { query } = document.getElementById("cards").dataset;
      const cards = await Promise.all(ids.map((id) => fragments(`/queue/cards/${id}${query}`)));
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

// Does it at most once a second, and once more after the last call.
function seldom(act) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => { timer = null; act(); }, RENEW_EVERY_MS);
  };
}

// Fetches pieces of the page and puts them in place of older ones.
async function renew(address) {
  for (const part of await fragments(address)) document.getElementById(part.id).replaceWith(part);
}

// A card that somebody reviewed has nothing to do here any more.
function reviewed({ frame, verdict }) {
  if (verdict !== "withdrawn") document.querySelector(`#frame-${frame}[data-seen]`)?.remove();
}

const { page, live } = document.body.dataset;
if (page === "empty") {
  listen({ counts: () => location.reload() }, { waiting: true });
} else {
  const queue = seldom(() => renew(`/queue/counts${document.getElementById("cards").dataset.query}`));
  const more = seldom(refill);
  const cards = live ? cardFeed() : () => {};
  const handlers = {
    counts: seldom(() => renew("/summary")),
    flagged: (event) => { queue(); cards(event.data); },
    review: (event) => { queue(); reviewed(JSON.parse(event.data)); more(); },
  };
  listen(handlers);
}
