// The table beside the picture: each measure as a number, as a curve over training and as a curve over lambda.

import { el } from "../kit/dom.js";
import { minus, short } from "../kit/text.js";
import { Curve, summarize } from "./curves.js";

const CELLS = ["label", "value", "range", "zeros", "lost", "top", "bottom"];

export class Numbers {
  constructor(explorer, table) {
    this.explorer = explorer;
    this.config = explorer.config;
    this.known = {};
    this.rows = this.config.metrics.map((metric, k) => this.build(table.insertRow(), metric, k));
  }

  build(row, metric, k) {
    const { steps, lams } = this.config;
    const cells = Object.fromEntries(CELLS.map((name) => [name, el("span", { class: `lx-${name}` })]));
    row.append(el("th", { scope: "row" }, ...Object.values(cells)));
    cells.label.textContent = metric.label;
    const pick = (name, length) => (share) => this.explorer.move(name, Math.round(share * (length - 1)));
    const time = new Curve(row.insertCell(), metric.color, pick("time", steps.length));
    const lam = new Curve(row.insertCell(), metric.color, pick("lam", lams.length));
    return { metric, k, row, cells, time, lam };
  }

  show() {
    for (const entry of this.rows) {
      entry.row.hidden = !this.measured(entry.metric);
      if (!entry.row.hidden) this.showRow(entry);
    }
  }

  showRow({ metric, k, cells, time, lam }) {
    const { config, explorer } = this, { state } = explorer, indices = (list) => list.map((_, index) => index);
    const own = config.data[state.data], axis = own.axes[k], zeros = own.zeros[k].filter((zero) => zero !== null);
    const now = this.seeds(metric, explorer.lam, state.time);
    const overTime = (index) => indices(config.steps).map((step) => this.seeds(metric, index, step));
    const overLam = state.regularizer === NONE ? [0] : indices(config.lams);
    cells.value.textContent = now.count ? this.format(metric, now.mean) : "–";
    cells.range.textContent = this.spread(metric, now);
    cells.zeros.textContent = zeros.length ? `zero: ${zeros.map((zero) => this.format(metric, zero, false)).join("; ")}` : "";
    cells.lost.textContent = now.count < config.seeds ? `${config.seeds - now.count} diverged` : "";
    const end = (value) => (metric.kind === "share" ? this.format(metric, value, false) : short(value));
    [cells.bottom.textContent, cells.top.textContent] = axis.map(end);
    time.show(overTime(explorer.lam), state.time, axis, zeros, explorer.lam ? overTime(0) : []);
    lam.show(overLam.map((index) => this.seeds(metric, index, state.time)), explorer.lam, axis, zeros);
  }

  seeds(metric, lam, time) {
    const count = this.config.seeds, start = this.explorer.frame(lam, time) * count;
    return summarize(Array.from(this.explorer.array(metric.name).subarray(start, start + count)));
  }

  // Data without modes have no number of modes: such a row stays away.
  measured(metric) {
    const { state } = this.explorer;
    return (this.known[`${state.data}/${metric.name}`] ??= this.explorer.array(metric.name).some(Number.isFinite));
  }

  format(metric, value, alone = true) {
    const { modes } = this.config.data[this.explorer.state.data], size = Math.abs(value);
    if (metric.kind === "share") return `${Math.round(100 * value)}${alone ? " %" : ""}`;
    if (metric.kind === "count") return short(value, 3) + (alone ? ` of ${modes}` : "");
    return minus(value.toFixed(size < 0.1 ? 3 : size < 10 ? 2 : 0));
  }

  spread(metric, { low, high, count }) {
    const [least, most] = [low, high].map((value) => this.format(metric, value, false));
    return count < 2 ? "" : least === most ? "all alike" : `${least}–${most}`;
  }

  said() {
    const seen = this.rows.filter(({ row }) => !row.hidden);
    return seen.map(({ metric, cells }) => `${metric.label} ${cells.value.textContent}`).join(", ");
  }
}
