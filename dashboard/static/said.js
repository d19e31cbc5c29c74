// What people say of frames: sent to the API in the background, remembered so that it can be undone.
import { send } from "./page.js";

const UNDO_KEY = "reviews";
const MOST_UNDO = 50;
const open = new Set(); // requests under way

export function numberOrNull(text) {
  return text ? Number(text) : null;
}

// Sends a verdict; throws the refusal. `address` and `body` are the API's.
export async function record(body, address = "/api/v1/reviews") {
  const request = send("POST", address, body);
  open.add(request);
  try {
    const { reviews } = await request;
    remember([...remembered(), reviews.map(({ id, frame, note }) => ({ id, frame, note }))]);
    return reviews;
  } finally {
    open.delete(request);
  }
}

// Takes the last verdict of this browser tab back. Returns what it was, as { frame, note } of each
// frame; none if there is nothing to undo.
// Throws the refusal; what was refused is not tried again.
export async function undo() {
  await Promise.allSettled([...open]);
  const all = remembered();
  const last = all.pop();
  if (!last) return [];
  try {
    await send("POST", "/api/v1/reviews/undo", { reviews: last.map(({ id }) => id) });
    remember(all);
  } catch (error) {
    if (error.status === 409 || error.status === 422) remember(all);
    throw error;
  }
  return last;
}

function remembered() {
  return JSON.parse(sessionStorage.getItem(UNDO_KEY) ?? "[]");
}

function remember(all) {
  sessionStorage.setItem(UNDO_KEY, JSON.stringify(all.slice(-MOST_UNDO)));
}
