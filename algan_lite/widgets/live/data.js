// The data sets of the page: the package's laws, whose numbers the build hands over, and what the reader draws.

import { book } from "./book.js";

const TAU = 2 * Math.PI;

// Normal modes at known centers; `weights` are their probabilities.
function mixture({ label, python, modes, std, weights }) {
  const draw = (stream) => {
    let [u, k] = [stream.uniform(), 0];
    while (k < modes.length - 1 && u >= weights[k]) u -= weights[k++];
    return [modes[k][0] + std * stream.normal(), modes[k][1] + std * stream.normal()];
  };
  return { label, python, modes, std, draw };
}

function curve({ label, python, noise }, at) {
  const draw = (stream) => {
    const [x, y] = at(stream.uniform());
    return [x + noise * stream.normal(), y + noise * stream.normal()];
  };
  return { label, python, modes: null, draw };
}

function spiral(u) {
  const turn = 1.5 * Math.PI * (1 + 2 * u); // angle, and distance from the center before scaling
  const scale = 2 / (4.5 * Math.PI);
  return [scale * turn * Math.cos(turn), scale * turn * Math.sin(turn)];
}

function moons(u) {
  const lower = u >= 0.5;
  const angle = TAU * (lower ? u - 0.5 : u); // [0, pi) on either moon
  const [x, y] = lower ? [1 - Math.cos(angle), 0.5 - Math.sin(angle)] : [Math.cos(angle), Math.sin(angle)];
  return [(4 / 3) * (x - 0.5), (4 / 3) * (y - 0.25)];
}

const CURVES = { two_moons: moons, swiss_roll: spiral };
const law = (name, told) => (told.modes ? mixture(told) : curve(told, CURVES[name]));

let made = null;
export const laws = () =>
  (made ??= Object.fromEntries(Object.entries(book.data).map(([name, told]) => [name, law(name, told)])));

export const MOST_DRAWN = 400; // points of a drawing; a drawing with more drops its oldest

// What the reader drew: `points` [[x, y], ...] in data units; a little noise makes a law of them.
export function drawn(points) {
  const draw = (stream) => {
    const [x, y] = points[Math.floor(stream.uniform() * points.length)] ?? [0, 0];
    return [x + 0.03 * stream.normal(), y + 0.03 * stream.normal()];
  };
  return { label: "Your drawing", python: null, modes: null, points, draw };
}

export const source = (name, points) => (name === "drawn" ? drawn(points) : laws()[name]);

// n points as one flat array x0, y0, x1, y1 ...
export function sample(from, stream, n) {
  const out = new Float32Array(2 * n);
  for (let i = 0; i < n; i += 1) out.set(from.draw(stream), 2 * i);
  return out;
}

// Modes with a fake within 3 standard deviations, and the share of fakes that lie so near to one
// (mode_coverage and quality_3sigma of algan_lite). Null where the data have no modes.
export function modeScores(from, fakes) {
  if (!from.modes) return null;
  const found = new Set();
  const [n, reach] = [fakes.length / 2, (3 * from.std) ** 2];
  let near = 0;
  for (let i = 0; i < n; i += 1) {
    const distance = ([x, y]) => (fakes[2 * i] - x) ** 2 + (fakes[2 * i + 1] - y) ** 2;
    const k = from.modes.findIndex((mode) => distance(mode) <= reach);
    if (k < 0) continue;
    found.add(k);
    near += 1;
  }
  return { found: found.size, modes: from.modes.length, quality: near / n };
}
