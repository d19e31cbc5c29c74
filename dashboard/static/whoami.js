// Signing out, from any page.
import { say, send } from "./page.js";

document.getElementById("sign-out").addEventListener("click", async () => {
  try {
    await send("DELETE", "/api/v1/me/sign-in");
  } catch (error) {
    if (error.status !== 401) return say(error.message);
  }
  location.assign("/sign-in");
});
