// Accounts, tokens, and one's own password: each deed is one call of the API, and the page is loaded again after it.
import { say, send } from "./page.js";

const byId = (id) => document.getElementById(id);

async function attempt(deed) {
  try {
    await deed();
    return true;
  } catch (error) {
    say(error.message);
    return false;
  }
}

async function change(method, address, body) {
  if (await attempt(() => send(method, address, body))) location.reload();
}

// Calls `deed` with what the form holds when it is sent.
function onSend(id, deed) {
  byId(id)?.addEventListener("submit", (event) => {
    event.preventDefault();
    deed(Object.fromEntries(new FormData(event.target)));
  });
}

function askPassword(row) {
  const dialog = byId("give-password");
  byId("give-name").textContent = row.dataset.name;
  dialog.dataset.account = row.dataset.account;
  byId("give-form").reset();
  dialog.showModal();
}

const DEEDS = {
  password: askPassword,
  disable: (row) => change("PATCH", `/api/v1/accounts/${row.dataset.account}`, { disabled: true }),
  enable: (row) => change("PATCH", `/api/v1/accounts/${row.dataset.account}`, { disabled: false }),
  revoke: (row) => change("DELETE", `/api/v1/tokens/${row.dataset.token}`),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-do], button[data-close]");
  if (!button) return;
  if ("close" in button.dataset) button.closest("dialog").close();
  else DEEDS[button.dataset.do](button.closest("tr"));
});

document.addEventListener("change", async (event) => {
  const select = event.target.closest("select[data-do=role]");
  if (!select) return;
  const address = `/api/v1/accounts/${select.closest("tr").dataset.account}`;
  if (await attempt(() => send("PATCH", address, { role: select.value }))) location.reload();
  else select.value = select.querySelector("option[selected]").value;
});

onSend("new-account", (form) => change("POST", "/api/v1/accounts", form));

onSend("give-form", async (form) => {
  const { account } = byId("give-password").dataset;
  byId("give-password").close();
  if (await attempt(() => send("PUT", `/api/v1/accounts/${account}/password`, form))) {
    say(`${byId("give-name").textContent} has a new password and is signed out everywhere.`);
  }
});

onSend("new-token", (form) => attempt(async () => {
  const made = await send("POST", "/api/v1/tokens", form);
  byId("secret").value = made.secret;
  byId("made-token").addEventListener("close", () => location.reload());
  byId("made-token").showModal();
  byId("secret").select();
}));

onSend("own-password", ({ current, password }) => attempt(async () => {
  await send("PUT", "/api/v1/me/password", { current, password });
  location.assign("/sign-in");
}));
