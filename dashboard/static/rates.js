// Which share of passed parts is kept for the audit.
import { say, send } from "./page.js";

for (const form of document.querySelectorAll("form[data-category]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { category } = form.dataset;
    const percent = form.querySelector("input").valueAsNumber;
    try {
      await send("PUT", `/api/v1/audit/rates/${encodeURIComponent(category)}`, { rate: percent / 100 });
      say(`${percent} % of the passed parts of ${category} are kept from now on.`);
    } catch (error) {
      say(error.message);
    }
  });
}
