// What is read off: numbers, the losses' curve, the planes of data and noise, and which layers are shown.

import { el } from "../kit/dom.js";
import { thousands } from "../kit/text.js";
import { book } from "./book.js";
import { Curve } from "./curve.js";
import { button, canvas } from "./dom.js";
import { drawData, drawNoise, Plane } from "./draw.js";
import { snippet } from "./snippet.js";

const NUMBERS = {
  step: "Step",
  speed: "Steps / s",
  modes: "Modes",
  quality: "Quality",
  lossD: "Loss of D",
  lossG: "Loss of G",
};
const LAYERS = {
  map: "D’s verdict",
  reals: "Reals",
  fakes: "Fakes",
  chosen: "Chosen",
  mesh: "G’s grid",
  arrows: "Arrows",
};
const MARKS = { reals: "●", fakes: "▲", chosen: "◆", mesh: "▦", arrows: "↗", map: "▬" };

export function numbers() {
  const values = {};
  const items = Object.entries(NUMBERS).map(([key, label]) => {
    values[key] = el("dd", { textContent: "–", "data-name": key });
    return el("div", {}, el("dt", { textContent: label }), values[key]);
  });
  return {
    box: el("div", { class: "al-numbers" }, el("dl", {}, ...items)), // the book's theme indents a list with a class
    show({ count, speed, scores, lossD, lossG }) {
      const loss = (value) => (Number.isFinite(value) ? value.toFixed(2) : "–");
      const texts = {
        step: thousands(count),
        speed: speed ? thousands(Math.round(speed)) : "–",
        modes: scores ? `${scores.found} of ${scores.modes}` : "–",
        quality: scores ? `${Math.round(100 * scores.quality)} %` : "–",
        lossD: loss(lossD),
        lossG: loss(lossG),
      };
      for (const [key, text] of Object.entries(texts))
        if (values[key].textContent !== text) values[key].textContent = text;
    },
  };
}

export function pictures() {
  const stage = canvas("Reals and G’s fakes in the plane, over D’s verdict", "al-stage");
  const noise = canvas("The noise: D’s verdict on G(z), and the candidates of one step", "al-noise");
  const losses = canvas("Losses of D and G since the start", "al-losses");
  const { map, noise: noiseMap } = book.view;
  const planes = { data: new Plane(stage, ["x₁", "x₂"], map), noise: new Plane(noise, ["z₁", "z₂"], noiseMap) };
  const curve = new Curve(losses);
  const shown = { map: true, reals: true, fakes: true, chosen: true, mesh: false, arrows: false };
  const state = { seen: null, colors: null };
  const redraw = () => {
    if (!state.seen || !state.colors) return;
    drawData(planes.data, state.seen, shown, state.colors);
    drawNoise(planes.noise, state.seen, state.colors);
    curve.draw(state.colors);
  };
  const toggles = Object.entries(LAYERS).map(([key, text]) => {
    const onchange = (event) => {
      shown[key] = event.target.checked;
      redraw();
    };
    const input = el("input", { type: "checkbox", checked: shown[key], onchange, value: key });
    const mark = el("span", { class: `al-mark al-mark-${key}`, "aria-hidden": "true", textContent: MARKS[key] });
    return el("label", { class: "al-chip" }, input, mark, el("span", { textContent: text }));
  });
  const layers = el(
    "fieldset",
    { class: "al-chips al-layers" },
    el("legend", { textContent: "Show (D’s verdict: blue says real, orange says fake)" }),
    ...toggles,
  );
  const poolLine = el("figcaption", { class: "al-hint" });
  return {
    stage: el("div", { class: "al-view al-data-view" }, stage.node),
    layers,
    noise: el("figure", { class: "al-view al-noise-view" }, noise.node, poolLine),
    losses: el("div", { class: "al-view al-losses-view" }, losses.node),
    redraw,
    clear: () => curve.clear(),
    show(seen, colors) {
      Object.assign(state, { seen, colors });
      if (seen.losses) curve.add(seen.count, seen.losses);
      const lit = seen.pool.chosen?.reduce((sum, one) => sum + one, 0);
      const candidates = seen.pool.z.length / 2;
      const step = thousands(seen.pool.step);
      const few = `Step ${step} chose ${lit} of ${candidates} candidates (◆).`;
      const said = lit ? few : `G trains on all ${candidates} candidates (▲).`;
      poolLine.textContent = `Noise z, over D’s verdict on G(z). ${said}`;
      redraw();
    },
    recolor(colors) {
      state.colors = colors;
      redraw();
    },
  };
}

// "Open this setting as a notebook cell": the code, and a button that copies it.
export function notebookCell(current) {
  const code = el("code");
  const done = el("output", { class: "al-hint" });
  const copy = button(null, "Copy", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      done.textContent = "Copied.";
    } catch {
      // no permission, or a page without https: the reader copies the selection
      getSelection().selectAllChildren(code);
      done.textContent = "Selected: press Ctrl+C or ⌘C.";
    }
  });
  const fill = () => {
    const { settings, from, sizes, steps } = current();
    code.textContent = from.points.length ? snippet(settings, from, sizes, steps) : "# Draw a point first.";
    done.textContent = "";
  };
  const summary = el("summary", { textContent: "Open this setting as a notebook cell" });
  const body = el("pre", { tabIndex: 0, "aria-label": "Python code" }, code);
  const box = el("details", { class: "al-cell", ontoggle: () => box.open && fill() }, summary, body, copy, done);
  return { box, refresh: () => box.open && fill() };
}
