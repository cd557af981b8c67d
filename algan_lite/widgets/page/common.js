// What every widget of the page does: print numbers, follow light and dark, speak, play, and start.

const thousands = (number) => number.toLocaleString("en-US");
const minus = (text) => text.replaceAll("-", "−");
const short = (number, digits = 2) => {
  if (number && Math.abs(number) < 1e-5) return minus(number.toExponential(digits - 1));
  return minus(Math.abs(number) >= 1000 ? thousands(Math.round(number)) : String(Number(number.toPrecision(digits))));
};

// The page decides on light or dark, by whatever means; its text color tells which.
function toneOf(root) {
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  brush.fillStyle = getComputedStyle(root).color;
  brush.fillRect(0, 0, 1, 1);
  const [red, green, blue] = brush.getImageData(0, 0, 1, 1).data;
  return 0.3 * red + 0.59 * green + 0.11 * blue > 128 ? "dark" : "light";
}

function followTone(root, changed) {
  const look = () => {
    const tone = toneOf(root);
    if (root.dataset.tone === tone) return;
    root.dataset.tone = tone;
    changed?.(tone);
  };
  look();
  const watcher = new MutationObserver(look);
  for (const node of [document.documentElement, document.body]) watcher.observe(node, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => requestAnimationFrame(look));
}

// Labels under a slider whose thumb is 24 px wide: a label stands where the thumb's center stops.
function addTicks(box, lams) {
  const last = lams.length - 1, shown = named(lams);
  lams.forEach((lam, k) => {
    const tick = box.appendChild(document.createElement("span"));
    tick.textContent = shown.has(k) ? short(lam) : "";
    tick.className = shown.has(k) ? "lx-tick lx-tick-named" : "lx-tick";
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

function setSlider(slider, index, text) {
  slider.value = index;
  slider.setAttribute("aria-valuetext", text);
  slider.style.setProperty("--fill", slider.max > 0 ? index / slider.max : 0);
}

// Where there is no further step, the button says so but keeps the keyboard's focus.
function setEnds(part, time, last) {
  part("back").setAttribute("aria-disabled", time === 0);
  part("forward").setAttribute("aria-disabled", time === last);
}

// Speaks once the reader rests: a held key would otherwise queue a sentence a step.
function speaker(region) {
  let timer = 0;
  return (text) => {
    clearTimeout(timer);
    timer = setTimeout(() => { region.textContent = text; }, 350);
  };
}

function player(button, { advance, restart, atEnd, stopped }) {
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

// A page may hold the same widget twice, and a notebook may insert it a moment after its script ran.
function begin(id, start, patience = 50) {
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
    part("failure").textContent += " The picture shows some values of λ.";
  });
}

// The picture for readers without scripts serves print, too, and a browser that cannot unpack the data.
function keepPicture(root) {
  const kept = document.createElement("div");
  kept.className = "lx-picture-kept";
  kept.innerHTML = root.querySelector("noscript").innerHTML;
  root.querySelector("noscript").after(kept);
}
