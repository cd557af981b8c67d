// Live training in the page: mount(container) builds the panel and starts a worker that runs the package's own step.

import { el } from "../kit/dom.js";
import { thousands } from "../kit/text.js";
import { followTone } from "../kit/theme.js";
import { book, loadBook } from "./book.js";
import { data, objective, transport } from "./controls.js";
import { source } from "./data.js";
import { stylesheet } from "./dom.js";
import { readColors } from "./draw.js";
import { notebookCell, numbers, pictures } from "./readout.js";
import { possible, preset, presetOf, SPEEDS } from "./settings.js";

const ROOT = new URL("../", import.meta.url); // of what the build adds
const GAPS = { usual: 33, reduced: 500 }; // ms between two pictures

/**
 * Build the panel.
 *
 * @param {HTMLElement} container Emptied and filled.
 * @param {{settings?: object}} options Settings other than those of the first preset; what the page cannot train is
 *   left out.
 * @returns {Promise<() => void>} Stops the worker and empties the container.
 */
export async function mount(container, { settings = {} } = {}) {
  await Promise.all([loadBook(ROOT), stylesheet(new URL("live.css", import.meta.url).href)]);
  const panel = new Panel(container, { ...preset("ring"), ...possible(settings) });
  try {
    await panel.ready;
  } catch (error) {
    panel.unmount();
    throw error;
  }
  return () => panel.unmount();
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

class Panel {
  constructor(container, settings) {
    Object.assign(this, {
      container,
      settings,
      points: [],
      running: false,
      count: 0,
      pending: 0,
      speed: "fast",
    });
    this.build();
    this.watch();
    this.ready = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.worker = new Worker(new URL("live_worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data: message }) => this.answers[message.type](message);
    this.worker.onerror = () => this.fail("The worker does not start in this browser.");
    const gap = matchMedia("(prefers-reduced-motion: reduce)").matches ? GAPS.reduced : GAPS.usual;
    this.worker.postMessage({ type: "start", settings, points: this.points, gap });
  }

  build() {
    this.transport = transport({
      run: () => this.run(!this.running),
      step: () => this.step(),
      speed: (name) => this.setSpeed(name),
      reset: () => this.worker.postMessage({ type: "reset", seed: this.settings.seed }),
      seed: (seed) => this.set({ seed }),
      preset: (name) => this.usePreset(name),
    });
    this.objective = objective((change) => this.set(change));
    this.data = data((change, points) => this.set(change, points));
    this.numbers = numbers();
    this.pictures = pictures();
    this.cell = notebookCell(() => ({
      settings: this.settings,
      from: source(this.settings.data, this.points),
      sizes: book.sizes,
      steps: this.count || 3000,
    }));
    this.status = el("p", { class: "al-status", role: "status", textContent: "Loading the runtime …" });
    const { stage, layers, losses, noise } = this.pictures;
    const core = el("div", { class: "al-core" }, this.objective.weight, this.numbers.box);
    const rules = el("div", { class: "al-rules" }, this.transport.start, this.objective.box);
    const above = [this.transport.box, this.status, stage, core, rules];
    const grid = el("div", { class: "al-grid" }, ...above, layers, losses, this.data.box, noise, this.cell.box);
    this.box = el("section", { class: "al-live", "aria-label": "Train a GAN in this page" }, grid);
    for (const [name, color] of Object.entries(book.colors)) this.box.style.setProperty(`--al-${name}`, color);
    this.container.replaceChildren(this.box);
    this.transport.preset.select.value = presetOf(this.settings);
    this.recolor();
  }

  // Follow the page's theme and the window's size; rest while nobody looks.
  watch() {
    this.leaveTone = followTone(this.container, () => this.recolor());
    this.sizes = new ResizeObserver(() => this.recolor());
    this.sizes.observe(this.box);
    this.onhidden = () => this.worker.postMessage({ type: "run", running: this.running && !document.hidden });
    document.addEventListener("visibilitychange", this.onhidden);
  }

  recolor() {
    this.colors = readColors(this.box);
    this.pictures.recolor(this.colors);
    this.objective.show(this.settings);
    this.data.show(this.settings, this.colors);
  }

  answers = {
    ready: ({ seeds }) => {
      this.transport.setSeeds(seeds, this.settings.seed);
      this.say(this.running ? "Training." : "Ready: press Run.");
    },
    loading: ({ done, total }) => this.say(`Loading the runtime: ${megabytes(done)} of ${megabytes(total)} MB …`),
    picture: (seen) => requestAnimationFrame(() => this.draw(seen)),
    applied: () => {
      this.wait(-1);
      this.cell.refresh();
    },
    refused: ({ message, settings }) => {
      this.wait(-1);
      this.settings = settings;
      this.recolor();
      this.say(`That setting is not there: ${message}`);
    },
    restarted: () => {
      this.pictures.clear();
      this.paused = false;
      if (!this.running) this.say(`Back at the start of seed ${this.settings.seed}.`);
    },
    error: ({ message }) => this.fail(message),
  };

  draw(seen) {
    this.count = seen.count;
    this.pictures.show(seen, this.colors);
    this.numbers.show(seen);
    this.box.dataset.pictures = Number(this.box.dataset.pictures ?? 0) + 1;
    this.worker.postMessage({ type: "drawn" });
    this.resolve();
    if (this.paused) this.tell(seen);
    if (seen.diverged) {
      if (this.running) this.run(false);
      this.say(`Step ${seen.count}: the losses are no longer finite. Change a setting and reset.`);
    }
  }

  run(running) {
    this.running = running;
    this.worker.postMessage({ type: "run", running, rate: SPEEDS[this.speed] });
    this.transport.setRunning(running);
    this.paused = !running;
    if (running) this.say("Training.");
  }

  // The last picture after a pause or a single step says where the run stands.
  tell({ count, scores }) {
    const modes = scores ? `: ${scores.found} of ${scores.modes} modes` : "";
    this.say(`Paused at step ${thousands(count)}${modes}.`);
    this.cell.refresh();
  }

  step() {
    if (this.running) this.run(false);
    this.paused = true;
    this.worker.postMessage({ type: "step" });
  }

  setSpeed(name) {
    this.speed = name;
    this.worker.postMessage({ type: "run", running: this.running, rate: SPEEDS[name] });
  }

  set(change, points = null, restart = false) {
    this.settings = { ...this.settings, ...change };
    if (points) this.points = points;
    const empty = this.settings.data === "drawn" && !this.points.length;
    this.transport.setReady(!empty);
    if (empty) {
      this.run(false);
      this.paused = false; // else the next picture would say where it stands
      this.say("Nothing is drawn, so there is nothing to train on: draw a point.");
    }
    this.transport.preset.select.value = presetOf(this.settings);
    this.objective.show(this.settings);
    this.data.show(this.settings, this.colors);
    this.wait(1);
    this.worker.postMessage({ type: "change", settings: this.settings, points: this.points, restart });
  }

  // Changes that are on their way to the worker: a graph may have to be loaded first.
  wait(change) {
    this.pending += change;
    this.box.setAttribute("aria-busy", String(this.pending > 0));
  }

  usePreset(name) {
    this.set({ ...preset(name), seed: this.settings.seed }, null, true);
  }

  say(text) {
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  fail(message) {
    this.running = false;
    this.transport.setRunning(false);
    this.status.classList.add("al-error");
    this.say(`Live training has stopped: ${message}`);
    this.reject(new Error(message));
  }

  unmount() {
    this.worker.terminate();
    this.leaveTone();
    this.sizes.disconnect();
    document.removeEventListener("visibilitychange", this.onhidden);
    this.container.replaceChildren();
  }
}
