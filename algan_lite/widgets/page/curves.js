// Small curves: the mean over the seeds as a line, the lowest and the highest as a band, and a cursor.

import { svg } from "../kit/dom.js";
import { bands, trace } from "../kit/lines.js";

const PARTS = ["frame", "zero", "cursor", "band", "ghost", "line", "dot"]; // from the lowest to the highest
const WIDE = 100, TALL = 40, EDGE = 3;

// Over the seeds whose value is finite; a GAN that diverged has none.
export function summarize(values) {
  const finite = values.filter(Number.isFinite);
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length; // NaN where there is none
  return { mean, low: Math.min(...finite), high: Math.max(...finite), count: finite.length };
}

export class Curve {
  constructor(box, color, picked) {
    this.parts = Object.fromEntries(PARTS.map((name) => [name, svg("path", { class: `lx-${name}` })]));
    const attributes = { viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", "aria-hidden": "true" };
    this.svg = box.appendChild(svg("svg", attributes, ...Object.values(this.parts)));
    this.svg.style.setProperty("--color", color);
    this.parts.frame.setAttribute("d", `M0 ${TALL - EDGE}H${WIDE}`);
    this.follow(picked);
  }

  // A press or a drag on a curve moves the slider that it belongs to; the sliders do the same for the keyboard.
  follow(picked) {
    const pick = (event) => {
      const { left, width } = this.svg.getBoundingClientRect();
      const x = ((event.clientX - left) / width) * WIDE;
      picked(Math.max(0, Math.min(1, (x - EDGE) / (WIDE - 2 * EDGE))));
    };
    this.svg.addEventListener("pointerdown", (event) => { this.svg.setPointerCapture(event.pointerId); pick(event); });
    this.svg.addEventListener("pointermove", (event) => event.buttons & 1 && pick(event));
  }

  show(points, at, [low, high], zeros = [], ghost = []) {
    const last = Math.max(1, points.length - 1);
    const x = (k) => EDGE + ((WIDE - 2 * EDGE) * k) / last;
    const share = (value) => Math.max(-0.04, Math.min(1.04, (value - low) / (high - low)));
    const y = (value) => TALL - EDGE - (TALL - 2 * EDGE) * share(value);
    const spot = (k, value) => `${x(k).toFixed(1)} ${y(value).toFixed(1)}`;
    this.set("line", trace(points, (point, k) => spot(k, point.mean)));
    this.set("ghost", trace(ghost, (point, k) => spot(k, point.mean)));
    this.set("zero", zeros.map((zero) => `M${EDGE} ${y(zero).toFixed(1)}H${WIDE - EDGE}`).join(""));
    this.set("band", bands(points, spot));
    this.set("cursor", `M${x(at).toFixed(1)} 0V${TALL}`);
    this.set("dot", points[at].count ? `M${spot(at, points[at].mean)}h.01` : "");
  }

  set(name, path) {
    this.parts[name].setAttribute("d", path);
  }
}
