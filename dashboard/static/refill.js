// The queue's cards as the record has them now: what was said takes cards away, and others wait behind them.
import { fragments } from "./page.js";

// Puts in what is missing, in its order; cards that are there, and what is chosen of them, stay as they are.
export async function refill() {
  const [fetched, nothing, paging] = await fragments(`/queue/cards${location.search}`);
  if (!fetched || document.querySelector(".card.chosen")) return; // no card moves now
  const cards = document.getElementById("cards");
  let before = null;
  for (const card of [...fetched.children]) {
    const here = document.getElementById(card.id);
    if (!here && before) before.after(card);
    else if (!here) cards.prepend(card);
    before = here ?? card;
  }
  nothing.hidden = cards.children.length > 0;
  document.getElementById("nothing").replaceWith(nothing);
  document.getElementById("paging").replaceWith(paging);
}
