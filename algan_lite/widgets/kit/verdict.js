// D's verdict over a square, as a smooth map in the package's colors.

const SIDE = 128; // points along each side of the smoothed map

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

// For each fine point: the four coarse points around it and their cubic (Catmull-Rom) weights.
function cubic(coarse) {
  return Array.from({ length: SIDE }, (_, k) => {
    const place = (k / (SIDE - 1)) * (coarse - 1), base = Math.min(Math.floor(place), coarse - 2), t = place - base;
    const weights = [-t + 2 * t * t - t ** 3, 2 - 5 * t * t + 3 * t ** 3, t + 4 * t * t - 3 * t ** 3, t ** 3 - t * t];
    return [-1, 0, 1, 2].map((d, n) => [Math.max(0, Math.min(coarse - 1, base + d)), weights[n] / 2]);
  });
}

// Draws maps of side x side values from 0 (fake) to 255 (real), row 0 at the bottom.
export class VerdictMap {
  constructor(side, stops) {
    Object.assign(this, { side, table: verdictColors(stops), taps: cubic(side) });
    this.rows = new Float32Array(side * SIDE);
    this.small = new OffscreenCanvas(SIDE, SIDE);
    this.brush = this.small.getContext("2d");
    this.pixels = this.brush.createImageData(SIDE, SIDE);
  }

  draw(pen, values, x, y, width, height) {
    this.smooth(values);
    this.brush.putImageData(this.pixels, 0, 0);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.small, x, y, width, height);
  }

  // Rows first, then columns.
  smooth(values) {
    const { side, rows, taps, table, pixels } = this;
    for (let y = 0; y < side; y++)
      for (let x = 0; x < SIDE; x++) {
        let sum = 0;
        for (const [k, weight] of taps[x]) sum += weight * values[y * side + k];
        rows[y * SIDE + x] = sum;
      }
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < SIDE; x++) {
        let sum = 0;
        for (const [k, weight] of taps[y]) sum += weight * rows[k * SIDE + x];
        const color = 4 * Math.max(0, Math.min(255, Math.round(sum)));
        pixels.data.set(table.subarray(color, color + 4), 4 * ((SIDE - 1 - y) * SIDE + x));
      }
  }
}
