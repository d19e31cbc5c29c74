// The keys 1 to 9: a defect of the kind that has this number, or words for why there is none.
import { onKey, say } from "./page.js";

const MOST = 9;

// Binds them to the kinds that the page offers; `choose` takes the kind's name.
export function kindKeys(choose) {
  if (!document.querySelector(".verdicts")) return;
  const kinds = [...document.querySelectorAll("[data-kind]")].slice(0, MOST).map(({ dataset }) => dataset.kind);
  kinds.forEach((kind, index) => onKey(String(index + 1), `Defect: ${kind}`, () => choose(kind)));
  const free = kinds.length ? "No kind of defect has this number" : "No kinds of defect are listed yet";
  for (let number = kinds.length + 1; number <= MOST; number += 1) onKey(String(number), free, () => say(`${free}.`, "Kinds", () => location.assign("/kinds")));
}
