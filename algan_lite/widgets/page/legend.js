// What the marks and the colors of a square mean.

import { el } from "../kit/dom.js";
import { svgMark } from "../kit/marks.js";

const WORDS = { real: "real", fake: "fake", chosen: "fake, noise chosen" };

// Returns the entries, kind -> node, so that one can be hidden.
export function addLegend(part, { verdict, markers, colors }) {
  part("bar").style.background = `linear-gradient(90deg, ${verdict.map((color) => `rgb(${color})`)})`;
  return Object.fromEntries(Object.entries(WORDS).map(([kind, word]) => {
    const item = el("span", { innerHTML: svgMark(markers[kind], colors[kind]) });
    item.append(word);
    part("legend").append(item);
    return [kind, item];
  }));
}
