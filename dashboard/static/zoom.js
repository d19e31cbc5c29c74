// A closer look at the large picture: wheel, pinch, drag, buttons.

const MOST = 8;
const STEP = 1.5;
const fingers = new Map();
let scale = 1;
let x = 0;
let y = 0;

const sheet = () => document.querySelector(".large .sheet");

function draw() {
  const moved = sheet();
  if (!moved) return;
  const { clientWidth: width, clientHeight: height } = moved;
  x = Math.min(0, Math.max(x, width * (1 - scale)));
  y = Math.min(0, Math.max(y, height * (1 - scale)));
  moved.style.transform = scale === 1 ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
  moved.classList.toggle("zoomed", scale > 1);
}

// Scales about a point of the picture's frame, in its pixels; without one about its middle.
function zoomTo(wanted, at) {
  const frame = sheet();
  if (!frame) return;
  const point = at ?? { x: frame.clientWidth / 2, y: frame.clientHeight / 2 };
  const next = Math.min(MOST, Math.max(1, wanted));
  x = point.x - ((point.x - x) * next) / scale;
  y = point.y - ((point.y - y) * next) / scale;
  scale = next;
  draw();
}

export const zoom = {
  larger: () => zoomTo(scale * STEP),
  smaller: () => zoomTo(scale / STEP),
  whole: () => zoomTo(1),
  reset() {
    [scale, x, y] = [1, 0, 0];
    fingers.clear();
    draw();
  },
};

function within(event) {
  const frame = event.target.closest?.(".large .picture");
  if (!frame) return null;
  const box = frame.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

document.addEventListener("wheel", (event) => {
  const at = within(event);
  if (!at) return;
  event.preventDefault();
  zoomTo(scale * Math.exp(-event.deltaY / 400), at);
}, { passive: false });

document.addEventListener("pointerdown", (event) => {
  const at = within(event);
  if (at) fingers.set(event.pointerId, at);
});

document.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  const at = before && within(event);
  if (!at) return;
  if (fingers.size === 1 && scale > 1) {
    x += at.x - before.x;
    y += at.y - before.y;
    draw();
  } else if (fingers.size === 2) {
    const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
    zoomTo((scale * apart(at)) / Math.max(1, apart(before)), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
  }
  fingers.set(event.pointerId, at);
});

for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, (event) => fingers.delete(event.pointerId));
