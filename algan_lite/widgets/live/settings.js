// What the reader can set, the presets, and λ's scale.

import { book } from "./book.js";

export const SPEEDS = { slow: 4, medium: 60, fast: Infinity }; // steps a second

export const PRESETS = {
  ring: { label: "Ring with R1", settings: {} },
  rescue: { label: "Wasserstein: saved by λ", settings: { loss: "wasserstein", lam: 1 } },
  plain: { label: "Ring without a regularizer", settings: { regularizer: "none", lam: 0 } },
  greedy: { label: "Grid: only what D likes (top_k)", settings: { data: "grid", strategy: "top_k" } },
  hard: { label: "Two moons: hard examples (bottom_k)", settings: { data: "two_moons", strategy: "bottom_k" } },
  roll: { label: "Swiss roll with DRAGAN", settings: { data: "swiss_roll", regularizer: "dragan", lam: 0.1 } },
  uneven: { label: "Uneven ring: where D is unsure", settings: { data: "imbalanced_ring", strategy: "uncertain" } },
};

export const preset = (name) => ({ ...book.start, ...PRESETS[name].settings });

// The name of the preset that these settings are (with any seed), or "" for the reader's own.
export const presetOf = (settings) => {
  const same = (name) =>
    Object.entries(preset(name)).every(([key, value]) => key === "seed" || settings[key] === value);
  return Object.keys(PRESETS).find(same) ?? "";
};

// Of settings from elsewhere those that the page has.
export function possible({ data, loss, regularizer, strategy, lam, ...others }) {
  const kept = { ...others };
  if (data in book.data) kept.data = data;
  if (loss in book.losses) kept.loss = loss;
  if (regularizer in book.regularizers) kept.regularizer = regularizer;
  if (strategy in book.strategies) kept.strategy = strategy;
  if (lam !== undefined) kept.lam = lamAt(positionOf(lam));
  return kept;
}

// λ: a position of the slider for each of the book's values, the first of which is 0.
export const lamAt = (position) => book.lams[position];
export function positionOf(lam) {
  if (lam <= 0) return 0;
  const gaps = book.lams.map((one) => Math.abs(Math.log(one / lam))); // of 0: infinite
  return gaps.indexOf(Math.min(...gaps));
}
