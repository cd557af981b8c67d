// The square: D's verdict as a map, reals, fakes and chosen fakes over it.

import { drawMarks } from "../kit/marks.js";
import { VerdictMap } from "../kit/verdict.js";

export class Picture {
  constructor(canvas, config) {
    this.canvas = canvas;
    this.config = config;
    this.map = new VerdictMap(config.side, config.verdict);
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
    this.map.draw(brush, frame.heat, 0, 0, width, height);
    const unit = density * Math.max(4, Math.min(6.5, canvas.clientWidth / 70));
    this.points(brush, "real", frame.reals, unit * 0.62, 0.5);
    if (frame.lost) return;
    this.points(brush, "fake", frame.fakes, unit, 0.95, (k) => !frame.marked(k));
    this.points(brush, "chosen", frame.fakes, unit, 0.95, frame.marked);
  }

  points(brush, kind, bytes, size, opacity, wanted = () => true) {
    const { width, height } = this.canvas, { colors, markers } = this.config, places = [];
    for (let k = 0; 2 * k < bytes.length; k++)
      if (wanted(k)) places.push([(bytes[2 * k] / 255) * width, (1 - bytes[2 * k + 1] / 255) * height]);
    drawMarks(brush, places, { code: markers[kind], size, fill: colors[kind], opacity });
  }
}
