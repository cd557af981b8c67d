// Drawing that every widget shares: D's verdict as colors, and the marks of the book's figures. Plain functions: a page
// holds them in its script, and the build makes a module of them for live training.

// Each of matplotlib's markers that the package uses, within a circle of radius 1.
const MARKS = {
  "o": "M.8 0A.8 .8 0 1 1 -.8 0A.8 .8 0 1 1 .8 0Z",
  "^": "M0 -1L.95 .8L-.95 .8Z",
  "v": "M0 1L.95 -.8L-.95 -.8Z",
  ">": "M1 0L-.8 .95L-.8 -.95Z",
  "D": "M0 -1.1L1.1 0L0 1.1L-1.1 0Z",
  "s": "M-.8 -.8H.8V.8H-.8Z",
};
const markOf = (code) => MARKS[code] ?? MARKS.o;

// Marks at the places [x, y], in pixels. A thin pale edge keeps them apart where they lie on each other or on a map;
// it is drawn first, so that the color stays on top where they crowd. Translucent marks add up, one by one.
function drawMarks(pen, places, { code, size, fill, edge = "#fff", width = 0.2 * size, opacity = 1 }) {
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

// 256 colors between the stops [red, green, blue] of the package's map.
function verdictColors(stops) {
  const table = new Uint8ClampedArray(256 * 4);
  for (let value = 0; value < 256; value++) {
    const place = (value / 255) * (stops.length - 1), k = Math.min(Math.floor(place), stops.length - 2);
    const mix = (part) => stops[k][part] + (place - k) * (stops[k + 1][part] - stops[k][part]);
    table.set([mix(0), mix(1), mix(2), 255], 4 * value);
  }
  return table;
}

// D's verdict as pixels: a square of values from 0 (fake) to 255 (real), whose row 0 lies at the bottom.
function paintVerdict(pixels, values, table) {
  const side = pixels.width;
  for (let k = 0; k < values.length; k++) {
    const value = 4 * Math.max(0, Math.min(255, Math.round(values[k])));
    pixels.data.set(table.subarray(value, value + 4), 4 * ((side - 1 - Math.floor(k / side)) * side + (k % side)));
  }
}
