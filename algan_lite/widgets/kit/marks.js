// The marks of the book's figures, on a canvas and as SVG.

// Each of matplotlib's markers that the package uses, within a circle of radius 1.
const MARKS = {
  "o": "M.8 0A.8 .8 0 1 1 -.8 0A.8 .8 0 1 1 .8 0Z",
  "^": "M0 -1L.95 .8L-.95 .8Z",
  "v": "M0 1L.95 -.8L-.95 -.8Z",
  ">": "M1 0L-.8 .95L-.8 -.95Z",
  "D": "M0 -1.1L1.1 0L0 1.1L-1.1 0Z",
  "s": "M-.8 -.8H.8V.8H-.8Z",
};
export const markOf = (code) => MARKS[code] ?? MARKS.o;

// Marks at the places [x, y], in pixels. A thin pale edge keeps them apart where they lie on each other or on a map;
// it is drawn first, so that the color stays on top where they crowd. Translucent marks add up, one by one.
export function drawMarks(pen, places, { code, size, fill, edge = "#fff", width = 0.2 * size, opacity = 1 }) {
  const mark = new Path2D(markOf(code));
  Object.assign(pen, { fillStyle: fill, strokeStyle: edge, lineWidth: width, globalAlpha: opacity });
  for (const group of opacity < 1 ? places.map((place) => [place]) : [places]) {
    const all = new Path2D();
    for (const [x, y] of group) all.addPath(mark, new DOMMatrix([size, 0, 0, size, x, y]));
    pen.stroke(all);
    pen.fill(all);
  }
  pen.globalAlpha = 1;
}

// One mark as SVG, for a legend.
export function svgMark(code, color) {
  const look = `fill="${color}" stroke="#fff" stroke-width=".12"`;
  return `<svg viewBox="-1.3 -1.3 2.6 2.6" aria-hidden="true"><path d="${markOf(code)}" ${look}/></svg>`;
}
