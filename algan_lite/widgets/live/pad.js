// A pad to draw a data set on, with the mouse, a finger or the keyboard.

import { el } from "../kit/dom.js";
import { book } from "./book.js";
import { MOST_DRAWN } from "./data.js";
import { button, canvas } from "./dom.js";
import { Plane } from "./draw.js";

const NEAR = 0.05; // data units between two points of one stroke
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const clamp = (v) => Math.max(-book.view.limit, Math.min(book.view.limit, v));

// onchange(points) is called when a stroke ends, a key has set a point, or the pad was cleared.
export class Pad {
  constructor(onchange) {
    Object.assign(this, { onchange, points: [], cursor: [0, 0], drawing: false });
    this.canvas = canvas(
      "Drawing pad: arrow keys move the cross, Space draws a point, Shift makes small moves",
      "al-pad",
    );
    this.plane = new Plane(this.canvas, ["x₁", "x₂"]);
    this.clearButton = button(null, "Clear", () => this.clear());
    const { node } = this.canvas;
    node.tabIndex = 0;
    node.setAttribute("role", "application");
    node.addEventListener("pointerdown", (event) => this.down(event));
    node.addEventListener("pointermove", (event) => this.drawing && this.add(...this.place(event)));
    for (const name of ["pointerup", "pointercancel"]) node.addEventListener(name, () => this.up());
    node.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) node.addEventListener(name, () => this.draw());
    this.count = el("output", { class: "al-hint" });
    const hint = el("p", {
      class: "al-hint",
      textContent: "Draw with the mouse or a finger; or arrow keys, then Space.",
    });
    this.box = el(
      "div",
      { class: "al-drawing", hidden: true },
      node,
      el("div", {}, hint, this.clearButton, this.count),
    );
  }

  show(visible, colors) {
    this.box.hidden = !visible;
    this.colors = colors;
    if (visible) this.draw();
  }

  place(event) {
    const box = this.canvas.node.getBoundingClientRect();
    const share = (v, low, side) => (v - low) / side;
    const { side, limit } = this.plane;
    return [
      clamp(-limit + 2 * limit * share(event.clientX - box.left, this.plane.x(-limit), side)),
      clamp(limit - 2 * limit * share(event.clientY - box.top, this.plane.y(limit), side)),
    ];
  }

  down(event) {
    this.drawing = true;
    this.canvas.node.setPointerCapture(event.pointerId);
    this.add(...this.place(event));
  }

  up() {
    if (!this.drawing) return;
    this.drawing = false;
    this.onchange(this.points);
  }

  add(x, y) {
    const end = this.points.at(-1);
    if (end && Math.hypot(end[0] - x, end[1] - y) < NEAR) return;
    this.points = [...this.points, [x, y]].slice(-MOST_DRAWN);
    this.draw();
  }

  clear() {
    this.points = [];
    this.draw();
    this.onchange(this.points);
  }

  key(event) {
    const move = MOVES[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    if (move) this.cursor = this.cursor.map((v, i) => clamp(v + move[i] * (event.shiftKey ? 0.05 : 0.25)));
    else {
      this.add(...this.cursor);
      this.onchange(this.points);
    }
    this.draw();
  }

  draw() {
    if (this.box.hidden) return;
    this.count.textContent = `${this.points.length} point${this.points.length === 1 ? "" : "s"}`;
    this.plane.begin(this.colors);
    this.plane.marks(new Float32Array(this.points.flat()), "real", 3.1, undefined, this.colors.line);
    if (document.activeElement === this.canvas.node) this.cross();
    this.plane.end();
  }

  cross() {
    const [{ pen }, x, y] = [this.plane, this.plane.x(this.cursor[0]), this.plane.y(this.cursor[1])];
    pen.strokeStyle = this.colors.ink;
    pen.beginPath();
    pen.moveTo(x - 8, y);
    pen.lineTo(x + 8, y);
    pen.moveTo(x, y - 8);
    pen.lineTo(x, y + 8);
    pen.stroke();
  }
}
