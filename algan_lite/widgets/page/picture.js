// The square: D's verdict as a map, reals, fakes and chosen fakes over it.

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
const SIDE = 128; // points along each side of the smoothed map

function svgMark(kind, { colors, markers }) {
  const look = `fill="${colors[kind]}" stroke="#fff" stroke-width=".12"`;
  return `<svg viewBox="-1.3 -1.3 2.6 2.6" aria-hidden="true"><path d="${markOf(markers[kind])}" ${look}/></svg>`;
}

// 256 colors between the stops of the package's map.
function lookup(stops) {
  const table = new Uint8ClampedArray(256 * 4);
  for (let value = 0; value < 256; value++) {
    const place = (value / 255) * (stops.length - 1), k = Math.min(Math.floor(place), stops.length - 2);
    const mix = (part) => stops[k][part] + (place - k) * (stops[k + 1][part] - stops[k][part]);
    table.set([mix(0), mix(1), mix(2), 255], 4 * value);
  }
  return table;
}

// For each fine point: the four coarse points around it and their cubic (Catmull-Rom) weights.
function cubic(coarse) {
  return Array.from({ length: SIDE }, (_, k) => {
    const place = (k / (SIDE - 1)) * (coarse - 1), base = Math.min(Math.floor(place), coarse - 2), t = place - base;
    const weights = [-t + 2 * t * t - t ** 3, 2 - 5 * t * t + 3 * t ** 3, t + 4 * t * t - 3 * t ** 3, t ** 3 - t * t];
    return [-1, 0, 1, 2].map((d, n) => [Math.max(0, Math.min(coarse - 1, base + d)), weights[n] / 2]);
  });
}

class Picture {
  constructor(canvas, config) {
    this.canvas = canvas;
    this.config = config;
    this.side = config.side;
    this.table = lookup(config.verdict);
    this.taps = cubic(this.side);
    this.rows = new Float32Array(this.side * SIDE);
    this.map = new OffscreenCanvas(SIDE, SIDE);
    this.brush = this.map.getContext("2d");
    this.pixels = this.brush.createImageData(SIDE, SIDE);
    this.paths = {};
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  show(frame) {
    this.frame = frame;
    this.draw();
  }

  draw() {
    const { canvas, frame } = this;
    if (!frame || !canvas.clientWidth) return;
    const [left, right, low, high] = frame.box, density = Math.min(3, devicePixelRatio || 1);
    const width = Math.round(canvas.clientWidth * density);
    const height = Math.round((width * (high - low)) / (right - left));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const brush = canvas.getContext("2d");
    this.smooth(frame.heat);
    brush.imageSmoothingQuality = "high";
    brush.drawImage(this.map, 0, 0, width, height);
    const unit = density * Math.max(4, Math.min(6.5, canvas.clientWidth / 70));
    this.points(brush, "real", frame.reals, unit * 0.62, 0.5);
    if (frame.lost) return;
    this.points(brush, "fake", frame.fakes, unit, 0.95, (k) => !frame.marked(k));
    this.points(brush, "chosen", frame.fakes, unit, 0.95, frame.marked);
  }

  // Rows first, then columns; row 0 of the data lies at the bottom.
  smooth(heat) {
    const { side, rows, taps, table, pixels } = this;
    for (let y = 0; y < side; y++)
      for (let x = 0; x < SIDE; x++) {
        let sum = 0;
        for (const [k, weight] of taps[x]) sum += weight * heat[y * side + k];
        rows[y * SIDE + x] = sum;
      }
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < SIDE; x++) {
        let sum = 0;
        for (const [k, weight] of taps[y]) sum += weight * rows[k * SIDE + x];
        const value = 4 * Math.max(0, Math.min(255, Math.round(sum))), at = 4 * ((SIDE - 1 - y) * SIDE + x);
        for (let part = 0; part < 4; part++) pixels.data[at + part] = table[value + part];
      }
    this.brush.putImageData(pixels, 0, 0);
  }

  points(brush, kind, bytes, size, opacity, wanted = () => true) {
    const { width, height } = this.canvas, path = (this.paths[kind] ??= new Path2D(markOf(this.config.markers[kind])));
    brush.fillStyle = this.config.colors[kind];
    brush.strokeStyle = "#fff";
    brush.lineWidth = 0.2; // a thin pale edge keeps marks apart where they lie on each other
    brush.globalAlpha = opacity;
    for (let k = 0; 2 * k < bytes.length; k++) {
      if (!wanted(k)) continue;
      brush.setTransform(size, 0, 0, size, (bytes[2 * k] / 255) * width, (1 - bytes[2 * k + 1] / 255) * height);
      brush.fill(path);
      brush.stroke(path);
    }
    brush.resetTransform();
    brush.globalAlpha = 1;
  }
}
