// What every widget of the page does: speak, play, and start.

import { el } from "../kit/dom.js";
import { short } from "../kit/text.js";

// Labels under a slider whose thumb is 24 px wide: a label stands where the thumb's center stops.
export function addTicks(box, lams) {
  const last = lams.length - 1, shown = named(lams);
  lams.forEach((lam, k) => {
    const look = shown.has(k) ? "lx-tick lx-tick-named" : "lx-tick";
    const tick = box.appendChild(el("span", { class: look, textContent: shown.has(k) ? short(lam) : "" }));
    tick.style.left = `calc(12px + (100% - 24px) * ${last ? k / last : 0})`;
  });
}

// Which values of lambda get a label: 0 and the powers of ten, or else six evenly spread ones.
function named(lams) {
  const last = lams.length - 1, round = (lam) => Math.abs(Math.log10(lam) - Math.round(Math.log10(lam))) < 1e-6;
  const tens = lams.map((_, k) => k).filter((k) => lams[k] > 0 && round(lams[k]));
  if (tens.length > 2) return new Set([0, ...tens]);
  return new Set([0, ...[0, 1, 2, 3, 4].map((k) => Math.round(Math.min(1, last) + (Math.max(0, last - 1) * k) / 4))]);
}

export function setSlider(slider, index, text) {
  slider.value = index;
  slider.setAttribute("aria-valuetext", text);
  slider.style.setProperty("--fill", slider.max > 0 ? index / slider.max : 0);
}

// Where there is no further step, the button says so but keeps the keyboard's focus.
export function setEnds(part, time, last) {
  part("back").setAttribute("aria-disabled", time === 0);
  part("forward").setAttribute("aria-disabled", time === last);
}

// Speaks once the reader rests: a held key would otherwise queue a sentence a step.
export function speaker(region) {
  let timer = 0;
  return (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => { region.textContent = text; }, 350);
  };
}

export function player(button, { advance, restart, atEnd, stopped }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = 0;
  const show = () => {
    button.setAttribute("aria-label", timer ? "Pause" : "Play");
    button.dataset.playing = Boolean(timer);
  };
  const stop = () => {
    if (!timer) return;
    clearInterval(timer);
    timer = 0;
    show();
    stopped();
  };
  const tick = () => { advance(); if (atEnd()) stop(); };
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (atEnd()) restart();
    timer = setInterval(tick, calm.matches ? 1500 : 550);
    show();
  });
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  show();
  return { stop, playing: () => Boolean(timer) };
}

// Time under a slider, two buttons and a player; ``show`` draws a moment, ``rested`` follows once the player stops.
export function timeControl(part, last, { now, show, rested }) {
  const play = player(part("play"), {
    advance: () => show(Math.min(now() + 1, last)),
    restart: () => show(0),
    atEnd: () => now() === last,
    stopped: rested,
  });
  const move = (time) => {
    play.stop();
    show(Math.max(0, Math.min(last, time)));
  };
  part("time").max = last;
  part("time").addEventListener("input", () => move(Number(part("time").value)));
  part("back").addEventListener("click", () => move(now() - 1));
  part("forward").addEventListener("click", () => move(now() + 1));
  return play;
}

// A page may hold the same widget twice, and a notebook may insert it a moment after its script ran.
export function begin(id, start, patience = 50) {
  const root = document.querySelector(`[data-explorer="${id}"]:not([data-ready])`);
  if (!root) return void (patience && requestAnimationFrame(() => begin(id, start, patience - 1)));
  root.dataset.ready = "";
  const part = (name) => root.querySelector(`[data-is="${name}"]`);
  keepPicture(root);
  // Else JupyterLab takes the arrow keys for its cells.
  for (const node of root.querySelectorAll("input, select, button")) node.dataset.lmSuppressShortcuts = "true";
  start(root, part, JSON.parse(part("config").textContent)).then(() => {
    part("body").hidden = false;
    root.dataset.ready = "yes";
    root.dispatchEvent(new CustomEvent("ready"));
  }).catch((error) => {
    root.dataset.ready = "failed";
    root.classList.add("lx-static");
    part("failure").textContent = typeof DecompressionStream === "undefined"
      ? "This browser is too old to unpack the data (it lacks DecompressionStream): the sliders stay away."
      : `The sliders did not start (${error.message}).`;
    part("failure").textContent += " The picture shows a part of it.";
  });
}

// The picture for readers without scripts serves print, too, and a browser that cannot unpack the data.
function keepPicture(root) {
  const hidden = root.querySelector("noscript");
  hidden.after(el("div", { class: "lx-picture-kept", innerHTML: hidden.innerHTML }));
}
