// A camera's live picture: fetched whole (facts, JPEG, heatmap of one frame) and drawn at once, with an age that this
// browser counts on by itself, so that a picture without successor turns old even when nobody can be asked.

// Seconds since `then`; of two clocks the one that ran more counts, because either may stand still in a sleeping device.
function since(then) {
  return Math.max(performance.now() - then.steady, Date.now() - then.wall) / 1000;
}

function now() {
  return { steady: performance.now(), wall: Date.now() };
}

async function fetchPicture(camera) {
  const asked = now(); // the way here counts as age, too
  const answer = await fetch(`/api/v1/cameras/${encodeURIComponent(camera)}/live`).catch(() => null);
  if (answer?.status !== 200) return null;
  const content = new Uint8Array(await answer.arrayBuffer());
  const end = content.indexOf(10);
  const facts = JSON.parse(new TextDecoder().decode(content.subarray(0, end)));
  const jpeg = content.subarray(end + 1, end + 1 + facts.jpeg_bytes);
  const heat = content.subarray(end + 1 + facts.jpeg_bytes);
  return {
    facts,
    asked,
    photo: await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" })),
    heat: heat.length ? await createImageBitmap(new Blob([heat], { type: "image/png" })) : null,
  };
}

function draw(view, { facts, photo, heat }) {
  const [under, over] = view.querySelectorAll("canvas");
  for (const canvas of [under, over]) [canvas.width, canvas.height] = [photo.width, photo.height];
  under.getContext("2d").drawImage(photo, 0, 0);
  const pen = over.getContext("2d");
  if (heat) pen.drawImage(heat, 0, 0, photo.width, photo.height);
  const scale = photo.width / facts.width;
  for (const [width, colour] of [[5, "#05080b"], [2, "#fff"]]) {
    [pen.lineWidth, pen.strokeStyle] = [width, colour];
    for (const [x0, y0, x1, y1] of facts.boxes) pen.strokeRect(x0 * scale, y0 * scale, (x1 - x0) * scale, (y1 - y0) * scale);
  }
}

const words = (seconds) => (seconds < 10 ? `${seconds.toFixed(1)} s` : seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);

const isAnother = (facts, before) => facts.run !== before.run || facts.seq !== before.seq;

// Shows the live picture of a station. `renew` fetches the newest one; `age` says how old it is and greys what is too old.
export function liveView(station, limit) {
  const view = station.querySelector(".view");
  const [photo] = view.querySelectorAll("canvas");
  const said = view.querySelector(".age");
  let shown = null;
  let came = null; // when the last picture took an older one's place, and how old it was then
  let busy = false;
  let again = false;

  // Of an old picture: pictures that come late are another thing than none at all.
  function lateOrNone(seconds) {
    if (came && since(came.at) <= limit) return `Pictures come ${words(came.late)} late; this one is of ${shown.facts.at}`;
    return `No picture since ${shown.facts.at}, for ${words(seconds)}`;
  }

  function age() {
    if (!shown) return;
    const seconds = shown.facts.age_s + since(shown.asked);
    const old = !(seconds <= limit);
    view.classList.toggle("old", old);
    station.dataset.outcome = old ? "" : shown.facts.outcome;
    said.textContent = old ? lateOrNone(seconds) : `Live, ${words(seconds)} old`;
    photo.setAttribute("aria-label", `Frame ${shown.facts.seq} of ${shown.facts.camera}${old ? ", an old one" : ""}`);
  }

  async function renew() {
    again = busy;
    if (busy || document.hidden) return;
    busy = true;
    const picture = await fetchPicture(station.dataset.camera).catch(() => null);
    if (picture) {
      draw(view, picture);
      if (shown && isAnother(picture.facts, shown.facts)) came = { at: now(), late: picture.facts.age_s + since(picture.asked) };
      shown = picture;
      age();
    }
    busy = false;
    if (again) renew();
  }

  return { renew, age };
}
