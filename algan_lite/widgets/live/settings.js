// What the reader can set, the presets, and λ's scale.

export const RATES = [1e-4, 3e-4, 1e-3, 2e-3, 5e-3];
export const SPEEDS = { slow: 4, medium: 60, fast: Infinity }; // steps a second

const BASE = {
  data: "ring",
  regularizer: "r1",
  lam: 0.1,
  strategy: "random",
  pool: 2,
  lrG: 1e-3,
  lrD: 1e-3,
  seed: 0,
};

export const PRESETS = {
  ring: { label: "Ring with R1", settings: {} },
  plain: { label: "Ring without a regularizer", settings: { regularizer: "none", lam: 0 } },
  greedy: { label: "Grid: only what D likes (top_k)", settings: { data: "grid", strategy: "top_k" } },
  hard: { label: "Two moons: hard examples (bottom_k)", settings: { data: "two_moons", strategy: "bottom_k" } },
  roll: { label: "Swiss roll with DRAGAN", settings: { data: "swiss_roll", regularizer: "dragan", lam: 0.1 } },
  uneven: { label: "Uneven ring: where D is unsure", settings: { data: "imbalanced_ring", strategy: "uncertain" } },
};

export const preset = (name) => ({ ...BASE, ...PRESETS[name].settings });

// The name of the preset that these settings are (with any seed), or "" for the reader's own.
export const presetOf = (settings) => {
  const same = (name) =>
    Object.entries(preset(name)).every(([key, value]) => key === "seed" || settings[key] === value);
  return Object.keys(PRESETS).find(same) ?? "";
};

// λ: 0 at the left end of the slider, then ten positions a decade from 0.001 to 10.
export const LAM_LAST = 41;
export const lamAt = (position) => (position <= 0 ? 0 : Number((10 ** ((position - 31) / 10)).toPrecision(2)));
export const positionOf = (lam) =>
  lam <= 0 ? 0 : Math.max(1, Math.min(LAM_LAST, Math.round(10 * Math.log10(lam)) + 31));
