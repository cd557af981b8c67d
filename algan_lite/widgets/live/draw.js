// The pictures: planes of data and of noise, with D's verdict, marks, arrows and G's grid.

import { drawMarks } from "../kit/marks.js";
import { VerdictMap } from "../kit/verdict.js";
import { book } from "./book.js";

const NAMES = ["real", "line", "fake", "chosen", "D", "ink", "edge", "arrow"];
const ARROWS = 64; // arrows that are drawn, those of the first fakes

export function readColors(node) {
  const style = getComputedStyle(node);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--al-${name}`).trim()]));
}

// A square with axes from -limit to limit, with functions from data to pixels; `side` is that of its maps.
export class Plane {
  constructor(canvas, names, side = 0) {
    Object.assign(this, { canvas, names, pen: canvas.pen, limit: book.view.limit });
    if (side) this.map = new VerdictMap(side, book.verdict);
  }

  begin(colors) {
    const { width } = this.canvas.fit();
    const [left, top, gap] = [26, 2, 24], { limit } = this;
    this.colors = colors;
    this.side = Math.max(width - left - 2, 20);
    this.x = (v) => left + ((v + limit) / (2 * limit)) * this.side;
    this.y = (v) => top + ((limit - v) / (2 * limit)) * this.side;
    this.pen.font = "12px system-ui, sans-serif";
    this.pen.fillStyle = colors.ink;
    this.pen.textBaseline = "middle";
    for (const v of [-2, 0, 2]) {
      this.pen.textAlign = "center";
      this.pen.fillText(v, this.x(v), top + this.side + gap / 2);
      this.pen.textAlign = "right";
      this.pen.fillText(v, left - 6, this.y(v));
    }
    this.pen.textAlign = "right";
    this.pen.fillText(this.names[0], left + this.side - 2, top + this.side + gap / 2);
    this.pen.fillText(this.names[1], left - 6, top + 8);
    this.pen.save();
    this.pen.beginPath();
    this.pen.rect(left, top, this.side, this.side);
    this.pen.clip();
  }

  end() {
    this.pen.restore();
    this.pen.strokeStyle = this.colors.ink;
    this.pen.lineWidth = 1;
    this.pen.strokeRect(this.x(-this.limit), this.y(this.limit), this.side, this.side);
  }

  heat(values) {
    this.map.draw(this.pen, values, this.x(-this.limit), this.y(this.limit), this.side, this.side);
  }

  // Marks of a kind, such as "fake", at points x0, y0, x1, y1 ...
  marks(xy, kind, size, lit = () => true, fill = this.colors[kind]) {
    const places = [];
    for (let i = 0; 2 * i < xy.length; i += 1) if (lit(i)) places.push([this.x(xy[2 * i]), this.y(xy[2 * i + 1])]);
    drawMarks(this.pen, places, { code: book.markers[kind], size, fill, edge: this.colors.edge, width: 1.4 });
  }

  arrows(xy, steps) {
    const { pen } = this;
    let longest = 1e-9;
    const n = Math.min(ARROWS, xy.length / 2);
    for (let i = 0; i < n; i += 1) longest = Math.max(longest, Math.hypot(steps[2 * i], steps[2 * i + 1]));
    this.reach = Math.max(longest, 0.97 * (this.reach ?? 0)); // the scale shrinks slowly: lengths stay comparable
    pen.beginPath();
    for (let i = 0; i < n; i += 1) {
      const [dx, dy] = [steps[2 * i], steps[2 * i + 1]].map((v) => (0.13 * this.side * v) / this.reach);
      const length = Math.hypot(dx, dy);
      if (length < 2) continue;
      const [x, y] = [this.x(xy[2 * i]), this.y(xy[2 * i + 1])];
      const [ex, ey, ux, uy] = [x + dx, y - dy, dx / length, -dy / length];
      pen.moveTo(x, y);
      pen.lineTo(ex, ey);
      for (const turn of [-1, 1]) {
        pen.moveTo(ex, ey);
        pen.lineTo(ex - 4 * ux + turn * 3 * uy, ey - 4 * uy - turn * 3 * ux);
      }
    }
    Object.assign(pen, { strokeStyle: this.colors.arrow, lineWidth: 1.2 });
    pen.stroke();
  }

  // The noise's grid as G deforms it. All cells have the same probability: the smaller, the darker.
  mesh(xy) {
    const { pen } = this, LINES = book.view.lines.length;
    const at = (row, column) => 2 * (row * LINES + column);
    const point = (i) => [this.x(xy[i]), this.y(xy[i + 1])];
    pen.fillStyle = this.colors.fake;
    for (let row = 0; row < LINES - 1; row += 1)
      for (let column = 0; column < LINES - 1; column += 1) {
        const corners = [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)];
        const [a, b, c, d] = corners.map(point);
        const area = Math.abs((c[0] - a[0]) * (d[1] - b[1]) - (d[0] - b[0]) * (c[1] - a[1])) / 2;
        pen.globalAlpha = Math.min(0.5, this.side ** 2 / 8e3 / Math.max(area, 1));
        pen.beginPath();
        pen.moveTo(...a);
        for (const corner of [b, c, d]) pen.lineTo(...corner);
        pen.fill();
      }
    pen.globalAlpha = 0.75;
    pen.beginPath();
    for (let line = 0; line < LINES; line += 2)
      for (const place of [(i) => at(line, i), (i) => at(i, line)])
        for (let i = 0; i < LINES; i += 1) pen[i ? "lineTo" : "moveTo"](...point(place(i)));
    Object.assign(pen, { strokeStyle: this.colors.fake, lineWidth: 0.8 });
    pen.stroke();
    pen.globalAlpha = 1;
  }
}

// The plane of the data: D's verdict, reals, G's grid, fakes, those that were chosen, and where G wants to go.
export function drawData(plane, seen, shown, colors) {
  const scale = Math.max(0.75, Math.min(1.2, plane.canvas.node.clientWidth / 400));
  plane.begin(colors);
  if (shown.map) plane.heat(seen.map);
  if (shown.reals) plane.marks(seen.reals, "real", 3.6 * scale);
  if (shown.mesh) plane.mesh(seen.grid);
  if (shown.fakes)
    plane.marks(seen.fakes, "fake", 3.8 * scale, (i) => !(shown.chosen && seen.pool.chosen?.[i]));
  if (shown.chosen && seen.pool.chosen)
    plane.marks(seen.fakes, "chosen", 4 * scale, (i) => seen.pool.chosen[i]);
  if (shown.arrows) plane.arrows(seen.fakes, seen.arrows);
  plane.end();
}

// The plane of the noise: D's verdict on G(z), and the candidates of one step.
export function drawNoise(plane, seen, colors) {
  plane.begin(colors);
  plane.heat(seen.noise);
  plane.marks(seen.pool.z, "fake", 2.9, (i) => !seen.pool.chosen?.[i]);
  if (seen.pool.chosen) plane.marks(seen.pool.z, "chosen", 3.3, (i) => seen.pool.chosen[i]);
  plane.end();
}
