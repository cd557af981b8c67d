// What one picture needs of the networks, in one call: D over the plane, G over the noise, fakes and their arrows.

import { book } from "./book.js";

// The places of a map over the picture, whose outermost values lie on its edges.
function plane(side) {
  const out = new Float32Array(2 * side * side), { limit } = book.view;
  const at = (i) => -limit + (2 * limit * i) / (side - 1);
  for (let row = 0; row < side; row += 1)
    for (let column = 0; column < side; column += 1) out.set([at(column), at(row)], 2 * (row * side + column));
  return out;
}

// A grid over the noise whose cells all have the same probability, but for the tails that are left out.
function equalCells(lines) {
  const out = new Float32Array(2 * lines.length ** 2);
  lines.forEach((y, row) => lines.forEach((x, column) => out.set([x, y], 2 * (row * lines.length + column))));
  return out;
}

// The points of the plane, and as many latents as the view's graph takes: a pool, the cells, and the noise's plane.
let points = null;
function fixed() {
  if (points) return points;
  const { map, noise, lines, pool } = book.view;
  const [gridStart, gridEnd] = [2 * pool, 2 * (pool + lines.length ** 2)];
  const z = new Float32Array(gridEnd + 2 * noise ** 2);
  z.set(equalCells(lines), gridStart);
  z.set(plane(noise), gridEnd);
  return (points = { x: plane(map), z, gridStart, gridEnd });
}

// -> { map, fakes, arrows (2M), grid (2 lines²), noise }; of maps 0 says fake and 255 real. `boundary` is the logit
// that says neither; null for a critic: then the median over the plane does.
export async function look(graphs, session, state, pool, boundary) {
  const { x, z: others, gridStart, gridEnd } = fixed(), z = others.slice();
  z.set(pool);
  const out = await graphs.view(session, state, x, z);
  const middle = boundary ?? out.logitsX.slice().sort()[out.logitsX.length >> 1];
  const verdict = (logit) => 255 / (1 + Math.exp(middle - logit));
  return {
    map: out.logitsX.map(verdict),
    fakes: out.fakes.slice(0, pool.length),
    arrows: out.arrows.slice(0, pool.length),
    grid: out.fakes.slice(gridStart, gridEnd),
    noise: out.logitsFakes.slice(gridEnd / 2).map(verdict),
  };
}

// G of at most as many latents as the view's graph takes.
export async function generate(graphs, session, state, latents) {
  const { x, z: others } = fixed(), z = new Float32Array(others.length);
  z.set(latents);
  return (await graphs.view(session, state, x, z)).fakes.slice(0, latents.length);
}
