// The parts that the panel is built of.

import { el, svg } from "../kit/dom.js";

let made = 0;

export const newId = () => `al-live-${(made += 1)}`;

const PATHS = {
  run: "M5 3l11 7-11 7z",
  pause: "M5 3h4v14H5zM12 3h4v14h-4z",
  step: "M4 3l8 7-8 7zM13 3h3v14h-3z",
  reset: "M10 3a7 7 0 1 1-6.7 5h2.1A5 5 0 1 0 10 5v3L5.5 4 10 0z",
};

export const icon = (name) =>
  svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));

export function button(name, text, onclick) {
  const label = el("span", { textContent: text });
  return el("button", { type: "button", class: "al-button", onclick }, ...(name ? [icon(name)] : []), label);
}

// A labeled list of choices: { value: text }.
export function choice(label, options, value, onchange) {
  const id = newId();
  const items = Object.entries(options).map(([key, text]) => el("option", { value: key, textContent: text }));
  const select = el("select", { id, onchange: () => onchange(select.value) }, ...items);
  select.value = value;
  return { box: el("div", { class: "al-field" }, el("label", { htmlFor: id, textContent: label }), select), select };
}

// Radio buttons that look like chips; `extra(key)` adds a picture to each.
export function chips(legend, options, value, onchange, extra = () => []) {
  const name = newId();
  const inputs = {};
  const items = Object.entries(options).map(([key, text]) => {
    inputs[key] = el("input", {
      type: "radio",
      name,
      value: key,
      checked: key === value,
      onchange: () => onchange(key),
    });
    return el("label", { class: "al-chip" }, inputs[key], ...extra(key), el("span", { textContent: text }));
  });
  const box = el("fieldset", { class: "al-chips" }, el("legend", { textContent: legend }), ...items);
  return {
    box,
    inputs,
    set: (key) => {
      inputs[key].checked = true;
    },
  };
}

// A canvas that is sharp on every screen: drawn in CSS pixels.
export function canvas(label, className) {
  const node = el("canvas", { class: className, role: "img", "aria-label": label });
  const pen = node.getContext("2d");
  return {
    node,
    pen,
    fit() {
      const [ratio, { width, height }] = [window.devicePixelRatio || 1, node.getBoundingClientRect()];
      const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (node.width !== w || node.height !== h) Object.assign(node, { width: w, height: h });
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, width, height);
      return { width, height };
    },
  };
}

// Load a style sheet once; resolves when it is there.
export function stylesheet(href) {
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error("live.css does not load"));
    document.head.append(el("link", { rel: "stylesheet", href, onload: resolve, onerror: fail }));
  });
}
