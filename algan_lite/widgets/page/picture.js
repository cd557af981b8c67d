// The square: D's verdict as a map, reals, fakes and chosen fakes over it.

const SIDE = 128; // points along each side of the smoothed map

function svgMark(kind, { colors, markers }) {
  const look = `fill="${colors[kind]}" stroke="#fff" stroke-width=".12"`;
  return `<svg viewBox="-1.3 -1.3 2.6 2.6" aria-hidden="true"><path d="${markOf(markers[kind])}" ${look}/></svg>`;
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
    this.table = verdictColors(config.verdict);
    this.fine = new Float32Array(SIDE * SIDE);
    this.taps = cubic(this.side);
    this.rows = new Float32Array(this.side * SIDE);
    this.map = new OffscreenCanvas(SIDE, SIDE);
    this.brush = this.map.getContext("2d");
    this.pixels = this.brush.createImageData(SIDE, SIDE);
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
    const { side, rows, taps, table, pixels, fine } = this;
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
        fine[y * SIDE + x] = sum;
      }
    paintVerdict(pixels, fine, table);
    this.brush.putImageData(pixels, 0, 0);
  }

  points(brush, kind, bytes, size, opacity, wanted = () => true) {
    const { width, height } = this.canvas, { colors, markers } = this.config, places = [];
    for (let k = 0; 2 * k < bytes.length; k++)
      if (wanted(k)) places.push([(bytes[2 * k] / 255) * width, (1 - bytes[2 * k + 1] / 255) * height]);
    drawMarks(brush, places, { code: markers[kind], size, fill: colors[kind], opacity });
  }
}
