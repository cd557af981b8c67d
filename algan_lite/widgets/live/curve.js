// The losses since the start, in one small chart: D solid, G dashed.

import { trace } from "../kit/lines.js";
import { thousands } from "../kit/text.js";

const LETTER = 13; // pixels that the name of a line needs
const MOST = 400; // points; when there are more, neighbors are joined

export class Curve {
  constructor(canvas) {
    this.canvas = canvas;
    this.clear();
  }

  clear() {
    this.points = []; // [step, loss of D, loss of G]
  }

  add(step, [lossD, lossG]) {
    this.points.push([step, lossD, lossG]);
    if (this.points.length > MOST) this.points = this.points.filter((_, i) => i % 2 === 1);
  }

  draw(colors) {
    const { pen } = this.canvas;
    const { width, height } = this.canvas.fit();
    const [left, right, top, bottom] = [30, width - 16, 8, height - 20];
    const values = this.points.flatMap(([, a, b]) => [a, b]).filter(Number.isFinite);
    const most = Math.max(2, Math.min(8, 1.1 * Math.max(0, ...values)));
    const last = Math.max(1, this.points.at(-1)?.[0] ?? 1);
    const x = (step) => left + ((right - left) * step) / last;
    const y = (loss) => bottom - ((bottom - top) * Math.max(0, Math.min(loss, most))) / most;
    Object.assign(pen, {
      font: "12px system-ui, sans-serif",
      fillStyle: colors.ink,
      strokeStyle: colors.ink,
      lineWidth: 1,
    });
    pen.beginPath();
    for (const tick of [0, Math.floor(most / 2), Math.floor(most)]) {
      Object.assign(pen, { textAlign: "right", textBaseline: "middle" });
      pen.fillText(tick, left - 6, y(tick));
    }
    pen.moveTo(left, top);
    pen.lineTo(left, bottom);
    pen.lineTo(right, bottom);
    pen.stroke();
    pen.textAlign = "left";
    pen.fillText("0", left, bottom + 11);
    pen.textAlign = "right";
    pen.fillText(`step ${thousands(last)}`, right, bottom + 11);
    this.line(pen, x, y, 1, colors.D, []);
    this.line(pen, x, y, 2, colors.fake, [5, 3]);
    if (this.points.length) this.names(pen, x(last) + 4, this.points.at(-1).slice(1).map(y), [colors.D, colors.fake]);
  }

  // At the lines' ends, and apart where these meet.
  names(pen, x, [D, G], colors) {
    if (!Number.isFinite(D + G)) return;
    const move = (Math.sign(D - G || 1) * Math.max(0, LETTER - Math.abs(D - G))) / 2;
    pen.textAlign = "left";
    [D + move, G - move].forEach((y, k) => {
      pen.fillStyle = colors[k];
      pen.fillText("DG"[k], x, y);
    });
  }

  line(pen, x, y, column, color, dashes) {
    Object.assign(pen, { strokeStyle: color, lineWidth: 1.8 });
    pen.setLineDash(dashes);
    const told = (point) => ({ at: x(point[0]), value: point[column], count: Number.isFinite(point[column]) });
    pen.stroke(new Path2D(trace(this.points.map(told), ({ at, value }) => `${at} ${y(value)}`)));
    pen.setLineDash([]);
  }
}
