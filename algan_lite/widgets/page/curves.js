// Small curves: the mean over the seeds as a line, the lowest and the highest as a band, and a cursor.

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 100, TALL = 40, EDGE = 3;

// Over the seeds whose value is finite; a GAN that diverged has none.
function summarize(values) {
  const finite = values.filter(Number.isFinite);
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length; // NaN where there is none
  return { mean, low: Math.min(...finite), high: Math.max(...finite), count: finite.length };
}

class Curve {
  constructor(box, color, picked) {
    this.svg = box.appendChild(document.createElementNS(SVG, "svg"));
    const attributes = { viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", "aria-hidden": "true" };
    for (const [name, value] of Object.entries(attributes)) this.svg.setAttribute(name, value);
    this.parts = {};
    for (const name of ["frame", "cursor", "band", "ghost", "line", "dot"]) {
      this.parts[name] = this.svg.appendChild(document.createElementNS(SVG, "path"));
      this.parts[name].setAttribute("class", `lx-${name}`);
    }
    this.svg.style.setProperty("--color", color);
    this.parts.frame.setAttribute("d", `M0 ${TALL - EDGE}H${WIDE}`);
    this.follow(picked);
  }

  // A press or a drag on a curve moves the slider that it belongs to; the sliders do the same for the keyboard.
  follow(picked) {
    const pick = (event) => {
      const { left, width } = this.svg.getBoundingClientRect();
      const x = ((event.clientX - left) / width) * WIDE;
      picked(Math.max(0, Math.min(1, (x - EDGE) / (WIDE - 2 * EDGE))));
    };
    this.svg.addEventListener("pointerdown", (event) => { this.svg.setPointerCapture(event.pointerId); pick(event); });
    this.svg.addEventListener("pointermove", (event) => event.buttons & 1 && pick(event));
  }

  show(points, at, [low, high], ghost = []) {
    const last = Math.max(1, points.length - 1);
    const x = (k) => EDGE + ((WIDE - 2 * EDGE) * k) / last;
    const share = (value) => Math.max(-0.04, Math.min(1.04, (value - low) / (high - low)));
    const y = (value) => TALL - EDGE - (TALL - 2 * EDGE) * share(value);
    const spot = (k, value) => `${x(k).toFixed(1)} ${y(value).toFixed(1)}`;
    this.set("line", trace(points, (point, k) => spot(k, point.mean)));
    this.set("ghost", trace(ghost, (point, k) => spot(k, point.mean)));
    this.set("band", bands(points, spot));
    this.set("cursor", `M${x(at).toFixed(1)} 0V${TALL}`);
    this.set("dot", points[at].count ? `M${spot(at, points[at].mean)}h.01` : "");
  }

  set(name, path) {
    this.parts[name].setAttribute("d", path);
  }
}

// A line that has a gap where no seed has a value.
function trace(points, spot) {
  let path = "", open = false;
  points.forEach((point, k) => {
    if (point.count) path += (open ? "L" : "M") + spot(point, k);
    open = point.count > 0;
  });
  return path;
}

function bands(points, spot) {
  let path = "", run = [];
  const close = () => {
    const edge = (name) => run.map((k) => spot(k, points[k][name]));
    if (run.length > 1) path += `M${[...edge("high"), ...edge("low").reverse()].join("L")}Z`;
    run = [];
  };
  points.forEach((point, k) => (point.count ? run.push(k) : close()));
  close();
  return path;
}
