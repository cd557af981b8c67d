// Predictions that commit: the reader answers before the page does, in the boxes that book/_ext/predict.py writes.
// What they answer stays in this browser. Without this script an answer is a folded <details>.
(() => {
  const [WIDTH, EDGE] = [320, 12];
  const number = (value) => String(+(+value).toFixed(6)).replace("-", "−");

  function make(tag, attributes = {}, ...children) {
    const space = /^(svg|path|text|g)$/.test(tag) ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
    const node = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  // Storage may be refused, or hold what another page of this host left: then nothing is remembered.
  function recall(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  }

  function remember(key, values) {
    try {
      if (values) localStorage.setItem(key, JSON.stringify(values));
      else localStorage.removeItem(key);
    } catch {}
  }

  // Each kind of control reads and writes a list of numbers, marks the reader's and the true one, and compares them.

  function choices(list) {
    const element = make("div", { role: "radiogroup" });
    list.replaceWith(element);
    element.append(list);
    const items = [...list.children];
    const inputs = items.map((item, k) => {
      const input = make("input", { type: "radio", name: element.parentNode.id, value: k + 1, autocomplete: "off" });
      const words = (item.querySelector(":scope > p") ?? item).childNodes;
      item.replaceChildren(make("label", {}, input, make("span", {}, ...words)));
      return input;
    });
    const quoted = ([k]) => make("q", {}, ...items[k - 1].querySelector("span").cloneNode(true).childNodes);
    return {
      element, inputs,
      accepts: (values) => values.length === 1 && values[0] - 1 in items,
      read: () => inputs.filter((input) => input.checked).map((input) => +input.value),
      write: ([k]) => { inputs[k - 1].checked = true; },
      mark: (own, truth) => items.forEach((item, k) => {
        const marks = [own?.[0] === k + 1 && "your answer", truth?.[0] === k + 1 && "what the page finds"];
        item.dataset.marks = marks.filter(Boolean).join(", ");
      }),
      compare: (own, truth) => own[0] === truth[0]
        ? ["You said ", quoted(own), ", and so the page finds."]
        : ["You said ", quoted(own), ". The page finds ", quoted(truth), "."],
    };
  }

  function sliders(axes, box) {
    const inputs = axes.map(({ low, high, step, label }) => make("input", {
      type: "range", min: low, max: high, step, value: (low + high) / 2, "aria-label": label, autocomplete: "off" }));
    const shown = axes.map(() => make("b"));
    const rows = axes.map(({ low, high, label }, k) => make("label", {}, `${label}: `, shown[k],
      make("span", { class: "predict-slider" }, number(low), inputs[k], number(high))));
    const picture = plot(axes);
    const element = make("div", { role: "group" }, ...rows);
    element[axes.length > 1 ? "prepend" : "append"](picture.element);
    box.querySelector(":scope > details").before(element);
    const read = () => inputs.map((input) => +input.value);
    const show = () => {
      shown.forEach((node, k) => { node.textContent = number(inputs[k].value); });
      picture.mark(read());
    };
    const write = (values) => {
      inputs.forEach((input, k) => { input.value = values[k]; });
      show();
    };
    element.addEventListener("input", show);
    picture.element.addEventListener("click", (event) => inputs[0].disabled || write(picture.place(event)));
    show();
    return {
      element, inputs, read, write,
      accepts: (values) => values.length === axes.length
        && values.every((value, k) => value >= axes[k].low && value <= axes[k].high),
      mark: (own, truth) => picture.mark(truth ? own : read(), truth),
      compare: (own, truth) => axes.flatMap(({ label, step }, k) => {
        const gap = own[k] - truth[k], far = `${number(Math.abs(gap))} too ${gap > 0 ? "high" : "low"}`;
        const said = `${label}: you said ${number(own[k])}, the page finds ${number(truth[k])}`;
        return [`${said} (${Math.abs(gap) <= step / 2 ? "as near as can be" : far}).`, make("br")];
      }),
    };
  }

  // One axis is a line, two are a plot. All that it shows is said in words beside it.
  function plot(axes) {
    const [x, y = { low: 0, high: 1 }] = axes, plane = axes.length > 1;
    const [top, low, height] = plane ? [24, 196, 220] : [28, 28, 56];
    const across = (v) => EDGE + (v - x.low) / (x.high - x.low) * (WIDTH - 2 * EDGE);
    const up = (v = 0) => low - (v - y.low) / (y.high - y.low) * (low - top);
    const marks = make("g"), names = plane ? [
      make("text", { x: 0, y: 14 }, `↑ ${y.label}`),
      make("text", { x: WIDTH, y: height - 4, "text-anchor": "end" }, `${x.label} →`)] : [];
    const kind = plane ? "plane" : "line", viewBox = `0 0 ${WIDTH} ${height}`;
    const element = make("svg", { viewBox, class: kind, "aria-hidden": "true" },
      make("path", { d: `M${EDGE} ${top}V${low}H${WIDTH - EDGE}` }), ...names, marks);
    const sign = (kind, values, shape, words, dy) => {
      const [left, high] = [across(values[0]), up(values[1])];
      const anchor = left < 60 ? "start" : left > WIDTH - 60 ? "end" : "middle";
      return make("g", { class: kind }, make("path", { d: shape, transform: `translate(${left} ${high})` }),
        make("text", { x: left, y: high + dy, "text-anchor": anchor }, words));
    };
    return {
      element,
      place: (event) => {
        const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(element.getScreenCTM().inverse());
        const part = [(at.x - EDGE) / (WIDTH - 2 * EDGE), (low - at.y) / (low - top)];
        return axes.map((axis, k) => axis.low + part[k] * (axis.high - axis.low));
      },
      mark: (own, truth) => marks.replaceChildren(
        ...(truth ? [sign("truth", truth, "M0 -8L8 0L0 8L-8 0Z", "the page", 22)] : []),
        ...(own ? [sign("own", own, "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0", "you", -11)] : [])),
    };
  }

  function setUp(box) {
    const { answer, axes } = JSON.parse(box.dataset.predict), key = `algan-lite:${box.id}`;
    const fold = box.querySelector(":scope > details"), question = box.querySelector(":scope > p");
    const control = axes.length ? sliders(axes, box) : choices(box.querySelector(":scope > ul"));
    question.id = `${box.id}-question`;
    control.element.setAttribute("aria-labelledby", question.id);
    const button = (words, act) => {
      const node = make("button", { type: "button" }, words);
      node.addEventListener("click", act);
      return node;
    };
    const said = make("p", { role: "status" });
    const show = (own, open) => {
      box.dataset.stage = open ? "open" : "asking";
      fold.open = open;
      control.inputs.forEach((input) => { input.disabled = open; });
      control.mark(own, open ? answer : null);
      said.replaceChildren(...(own ? control.compare(own, answer) : []));
      [commit.hidden, skip.hidden, again.hidden] = [open, open, !open];
      again.textContent = own ? "Change my mind" : "Predict after all";
    };
    const commit = button("Commit", () => {
      const own = control.read();
      if (!own.length) return said.replaceChildren("Choose first, or skip.");
      remember(key, own);
      show(own, true);
      again.focus();
    });
    const skip = button("Skip", () => {
      show(null, true);
      again.focus();
    });
    const again = button("", () => {
      remember(key, null);
      show(null, false);
      (control.inputs.find((input) => input.checked) ?? control.inputs[0]).focus();
    });
    fold.before(make("p", { class: "predict-buttons" }, commit, skip, again), said);
    const kept = recall(key), valid = Array.isArray(kept) && kept.every(Number.isFinite) && control.accepts(kept);
    if (valid) control.write(kept);
    show(valid ? kept : null, valid);
  }

  const boxes = [...document.querySelectorAll(".predict")];
  boxes.forEach(setUp);

  // On paper every answer is open.
  const folds = boxes.map((box) => box.querySelector(":scope > details"));
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = folds.map((fold) => fold.open);
    folds.forEach((fold) => { fold.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((open, k) => { folds[k].open = open; }));
})();
