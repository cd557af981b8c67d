// The controls of the panel. Each calls `set({name: value})`; `show(settings)` puts them where the settings are.

import { el } from "../kit/dom.js";
import { book } from "./book.js";
import { laws, sample } from "./data.js";
import { button, chips, choice, icon, newId } from "./dom.js";
import { Pad } from "./pad.js";
import { Stream } from "./random.js";
import { lamAt, positionOf, PRESETS } from "./settings.js";

const labels = (table) => Object.fromEntries(Object.entries(table).map(([key, entry]) => [key, entry.label]));

// Run, step, speed, reset, seed and presets.
export function transport({ run, step, speed, reset, seed, preset }) {
  const parts = {
    run: button("run", "Run", run),
    step: button("step", "Step", step),
    speed: chips("Speed", { slow: "Slow", medium: "Medium", fast: "Fast" }, "fast", speed),
    reset: button("reset", "Reset", reset),
    seed: choice("Seed", { 0: "0" }, "0", (value) => seed(Number(value))),
    preset: choice("Preset", { ...labels(PRESETS), "": "your own setting" }, "", (name) => name && preset(name)),
  };
  parts.run.classList.add("al-main");
  const { run: runs, step: steps, speed: speeds, reset: resets, seed: seeds, preset: presets } = parts;
  parts.start = el("div", { class: "al-start" }, presets.box, seeds.box);
  parts.box = el("div", { class: "al-bar" }, runs, steps, resets, speeds.box);
  parts.setReady = (ready) => {
    runs.disabled = steps.disabled = !ready;
  };
  parts.setRunning = (running) => {
    runs.replaceChildren(icon(running ? "pause" : "run"), el("span", { textContent: running ? "Pause" : "Run" }));
  };
  parts.setSeeds = (values, chosen) => {
    parts.seed.select.replaceChildren(...values.map((value) => el("option", { value, textContent: value })));
    parts.seed.select.value = chosen;
  };
  return parts;
}

// Loss, regularizer, λ, strategy and learning rates: all may be moved while it trains.
export function objective(set) {
  const id = newId();
  const shown = el("output", { htmlFor: id, class: "al-value" });
  const slider = el("input", { id, type: "range", min: 0, max: book.lams.length - 1, step: 1, class: "al-slider" });
  const say = () => {
    const lam = lamAt(Number(slider.value));
    shown.textContent = `λ = ${lam}`;
    slider.setAttribute("aria-valuetext", `lambda ${lam}`);
    return lam;
  };
  slider.addEventListener("input", () => set({ lam: say() }));
  const { start, losses, regularizers, strategies } = book;
  const loss = choice("Loss", losses, start.loss, (name) => set({ loss: name }));
  const regularizer = choice("Regularizer R(G, D)", regularizers, start.regularizer, (R) => set({ regularizer: R }));
  const strategy = choice("Noise that G trains on", strategies, start.strategy, (name) => set({ strategy: name }));
  const rates = Object.fromEntries(book.rates.map((rate) => [rate, String(rate)]));
  const lrG = choice("Learning rate of G", rates, start.lrG, (value) => set({ lrG: Number(value) }));
  const lrD = choice("Learning rate of D", rates, start.lrD, (value) => set({ lrD: Number(value) }));
  const name = el("div", { class: "al-row" }, el("label", { htmlFor: id, textContent: "Its weight λ" }), shown);
  const weight = el("div", { class: "al-field" }, name, slider);
  const pair = el("div", { class: "al-pair" }, lrG.box, lrD.box);
  return {
    weight,
    box: el("div", { class: "al-objective" }, loss.box, regularizer.box, strategy.box, pair),
    show(settings) {
      loss.select.value = settings.loss;
      regularizer.select.value = settings.regularizer;
      strategy.select.value = settings.strategy;
      lrG.select.value = settings.lrG;
      lrD.select.value = settings.lrD;
      slider.value = positionOf(settings.lam);
      slider.disabled = settings.regularizer === "none";
      say();
    },
  };
}

const heart = (t) => [
  0.11 * 16 * Math.sin(t) ** 3,
  0.11 * (13 * Math.cos(t) - 5 * Math.cos(2 * t) - 2 * Math.cos(3 * t) - Math.cos(4 * t)),
];
const START = Array.from({ length: 90 }, (_, i) => heart((2 * Math.PI * i) / 90));

// The data sets as small pictures, and the pad.
export function data(set) {
  const thumbs = {};
  const thumb = (key) => {
    thumbs[key] = el("canvas", { width: 72, height: 72, "aria-hidden": "true" });
    return [thumbs[key]];
  };
  const pad = new Pad((points) => set({}, points));
  pad.points = START;
  const pick = (key) => {
    const points = key === "drawn" ? (pad.points.length ? pad.points : START) : null;
    pad.points = points ?? pad.points;
    set({ data: key }, points);
  };
  const group = chips("Data", { ...labels(laws()), drawn: "Draw" }, book.start.data, pick, thumb);
  group.box.classList.add("al-data");
  return {
    box: el("div", { class: "al-sources" }, group.box, pad.box),
    pad,
    show(settings, colors) {
      group.set(settings.data);
      for (const [key, node] of Object.entries(thumbs)) paint(node, key, pad.points, colors.line);
      pad.show(settings.data === "drawn", colors);
    },
  };
}

function paint(node, key, points, color) {
  const pen = node.getContext("2d");
  const xy = key === "drawn" ? points.flat() : sample(laws()[key], new Stream(0, "thumbnail"), 260);
  pen.clearRect(0, 0, 72, 72);
  pen.fillStyle = color;
  for (let i = 0; i < xy.length; i += 2) pen.fillRect(35 + 13.5 * xy[i], 35 - 13.5 * xy[i + 1], 2, 2);
}
