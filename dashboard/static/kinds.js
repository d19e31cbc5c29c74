// The list of kinds of defect: add, retire.
import { say, send } from "./page.js";

async function change(method, address, body) {
  try {
    await send(method, address, body);
    location.reload();
  } catch (error) {
    say(error.message);
  }
}

document.getElementById("add-kind")?.addEventListener("submit", (event) => {
  event.preventDefault();
  change("POST", "/api/v1/kinds", { name: document.getElementById("kind-name").value });
});
for (const button of document.querySelectorAll("[data-retire]")) {
  button.addEventListener("click", () => {
    say(`Retire “${button.dataset.name}”?`, "Retire", () => change("DELETE", `/api/v1/kinds/${button.dataset.retire}`));
  });
}
