// What one picture needs of the networks, in one call: D over the plane, G over the noise, fakes and their arrows.

import { book } from "./book.js";

export const LIMIT = 3; // the picture shows [-3, 3] in both coordinates, of data and of noise

function plane(side) {
  const out = new Float32Array(2 * side * side);
  const at = (i) => -LIMIT + (2 * LIMIT * (i + 0.5)) / side;
  for (let row = 0; row < side; row += 1)
    for (let column = 0; column < side; column += 1) out.set([at(column), at(row)], 2 * (row * side + column));
  return out;
}

// Where the normal law has mass u below it (Acklam 2003; 1e-9 is far finer than a pixel).
export function normalQuantile(u) {
  const [a, b] = [
    [-39.6968302866538, 220.946098424521, -275.928510446969, 138.357751867269, -30.6647980661472, 2.50662827745924],
    [-54.4760987982241, 161.585836858041, -155.698979859887, 66.8013118877197, -13.2806815528857, 1],
  ];
  const [c, d] = [
    [
      -0.00778489400243029, -0.322396458041136, -2.40075827716184, -2.54973253934373, 4.37466414146497,
      2.93816398269878,
    ],
    [0.00778469570904146, 0.32246712907004, 2.445134137143, 3.75440866190742, 1],
  ];
  const poly = (terms, x) => terms.reduce((sum, term) => sum * x + term, 0);
  if (u > 0.97575) return -normalQuantile(1 - u);
  if (u < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(u));
    return poly(c, q) / poly(d, q);
  }
  const q = u - 0.5;
  return (q * poly(a, q * q)) / poly(b, q * q);
}

// A grid over the noise whose cells all have the same probability, but for the tails that are left out.
function equalCells(lines) {
  const out = new Float32Array(2 * lines * lines);
  const at = (i) => normalQuantile(0.01 + (0.98 * i) / (lines - 1));
  for (let row = 0; row < lines; row += 1)
    for (let column = 0; column < lines; column += 1) out.set([at(column), at(row)], 2 * (row * lines + column));
  return out;
}

// The points of the plane, and as many latents as the view's graph takes: a pool, the cells, and the noise's plane.
let points = null;
function fixed() {
  if (points) return points;
  const { map, noise, lines, pool } = book.view;
  const [gridStart, gridEnd] = [2 * pool, 2 * (pool + lines ** 2)];
  const z = new Float32Array(gridEnd + 2 * noise ** 2);
  z.set(equalCells(lines), gridStart);
  z.set(plane(noise), gridEnd);
  return (points = { x: plane(map), z, gridStart, gridEnd });
}

// -> { map, fakes, arrows (2M), grid (2 lines²), noise }; logits are turned into probabilities.
export async function look(graphs, session, state, pool) {
  const { x, z: others, gridStart, gridEnd } = fixed(), z = others.slice();
  z.set(pool);
  const out = await graphs.view(session, state, x, z);
  return {
    map: out.logitsX.map(sigmoid),
    fakes: out.fakes.slice(0, pool.length),
    arrows: out.arrows.slice(0, pool.length),
    grid: out.fakes.slice(gridStart, gridEnd),
    noise: out.logitsFakes.slice(gridEnd / 2).map(sigmoid),
  };
}

// G of at most as many latents as the view's graph takes.
export async function generate(graphs, session, state, latents) {
  const { x, z: others } = fixed(), z = new Float32Array(others.length);
  z.set(latents);
  return (await graphs.view(session, state, x, z)).fakes.slice(0, latents.length);
}

const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));
