// The data sets of the page: the package's laws, whose numbers the build hands over, and what the reader draws.

import { book } from "./book.js";

// A law of points, each with its probability (alike where there are no weights), and normal noise around them.
function law({ points, weights, std, ...told }) {
  const pick = (u) => {
    if (!weights) return Math.floor(u * points.length);
    let k = 0;
    while (k < points.length - 1 && u >= weights[k]) u -= weights[k++];
    return k;
  };
  const draw = (stream) => {
    const [x, y] = points[pick(stream.uniform())];
    return [x + std * stream.normal(), y + std * stream.normal()];
  };
  return { ...told, points, draw };
}

let made = null;
export const laws = () =>
  (made ??= Object.fromEntries(Object.entries(book.data).map(([name, told]) => [name, law(told)])));

export const MOST_DRAWN = 400; // points of a drawing; a drawing with more drops its oldest

// What the reader drew: `points` [[x, y], ...] in data units; a little noise makes a law of them.
export const drawn = (points) => law({ label: "Your drawing", python: null, points, weights: null, std: 0.03 });

export const source = (name, points) => (name === "drawn" ? drawn(points) : laws()[name]);

// n points as one flat array x0, y0, x1, y1 ...
export function sample(from, stream, n) {
  const out = new Float32Array(2 * n);
  for (let i = 0; i < n; i += 1) out.set(from.draw(stream), 2 * i);
  return out;
}

// Modes with a fake within reach, and the share of fakes that lie so near to one (mode_coverage and quality_3sigma of
// algan_lite). Null where the data have no modes.
export function modeScores({ points: modes, reach }, fakes) {
  if (!reach) return null;
  const found = new Set(), n = fakes.length / 2;
  let near = 0;
  for (let i = 0; i < n; i += 1) {
    const distance = ([x, y]) => Math.hypot(fakes[2 * i] - x, fakes[2 * i + 1] - y);
    const k = modes.findIndex((mode) => distance(mode) < reach);
    if (k < 0) continue;
    found.add(k);
    near += 1;
  }
  return { found: found.size, modes: modes.length, quality: near / n };
}
