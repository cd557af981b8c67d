// The explorer of lambda: its state is six choices; every change draws the moment that they name.

import { short, thousands } from "../kit/text.js";
import { followTone } from "../kit/theme.js";
import { addTicks, player, setEnds, setSlider, speaker } from "./common.js";
import { addLegend } from "./legend.js";
import { liveSwitch } from "./live_switch.js";
import { Numbers } from "./numbers.js";
import { Picture } from "./picture.js";
import { inflate, unpack } from "./unpack.js";

export async function explorer(root, part, config) {
  const bytes = await inflate(part("packed").textContent);
  new LambdaExplorer(root, part, config, unpack(bytes, config.entries));
}

const NONE = "none", CHOICES = ["loss", "regularizer", "strategy"]; // as in a combination

class LambdaExplorer {
  constructor(root, part, config, arrays) {
    Object.assign(this, { root, part, config, arrays });
    const [loss, regularizer, strategy] = config.combos[0];
    this.state = { data: 0, loss, regularizer, strategy, lam: config.start, time: config.steps.length - 1 };
    part("body").hidden = false; // the canvas must have a size before it is drawn
    followTone(root);
    this.picture = new Picture(part("canvas"), config);
    this.speak = speaker(part("spoken"));
    this.buildChoices();
    this.buildSliders();
    this.numbers = new Numbers(this, part("numbers"));
    this.buildWords();
    liveSwitch(part, () => this.setting());
    this.update({});
  }

  // "none" is lambda 0 of any regularizer that was measured with the loss and the strategy.
  combo(wish = this.state) {
    const fits = (value, k) => value === wish[CHOICES[k]] || (CHOICES[k] === "regularizer" && wish.regularizer === NONE);
    return this.config.combos.findIndex((combo) => combo.every(fits));
  }

  get lam() {
    return this.state.regularizer === NONE ? 0 : this.state.lam;
  }

  // Where the frame of a combination, a lambda and a snapshot begins, in frames.
  frame(lam, time) {
    return (this.combo() * this.config.lams.length + lam) * this.config.steps.length + time;
  }

  // What the reader sees, in the package's names.
  setting() {
    const { data, loss, regularizer, strategy } = this.state, { config } = this;
    return { data: config.data[data].key, loss, regularizer, strategy, lam: config.lams[this.lam] };
  }

  array(name) {
    return this.arrays[`${this.state.data}/${name}`];
  }

  buildChoices() {
    const { data, combos, words } = this.config;
    const unique = (column) => [...new Set(combos.map((combo) => combo[column]))];
    const named = (names) => names.map((name) => [name, words[name][0]]);
    const options = {
      data: data.map(({ name }, k) => [k, name]),
      loss: named(unique(0)),
      regularizer: named([NONE, ...unique(1).filter((name) => name !== NONE)]),
      strategy: named(unique(2)),
    };
    for (const [name, entries] of Object.entries(options)) {
      const select = this.part(name);
      select.append(...entries.map(([value, text]) => new Option(text, value)));
      const read = () => (name === "data" ? Number(select.value) : select.value);
      select.addEventListener("change", () => this.update({ [name]: read() }));
    }
  }

  buildSliders() {
    const { lams, steps } = this.config;
    addTicks(this.part("lam-ticks"), lams);
    this.part("lam").max = lams.length - 1;
    this.part("time").max = steps.length - 1;
    this.play = player(this.part("play"), {
      advance: () => this.update({ time: Math.min(this.state.time + 1, steps.length - 1) }),
      restart: () => this.update({ time: 0 }),
      atEnd: () => this.state.time === steps.length - 1,
      stopped: () => this.speak(this.sentence()),
    });
    for (const name of ["lam", "time"]) {
      this.part(name).addEventListener("input", () => this.move(name, Number(this.part(name).value)));
    }
    this.part("back").addEventListener("click", () => this.move("time", this.state.time - 1));
    this.part("forward").addEventListener("click", () => this.move("time", this.state.time + 1));
  }

  move(name, index) {
    if (name === "time") this.play.stop();
    if (name === "lam" && this.state.regularizer === NONE) return; // without R there is nothing to weigh
    const last = this.config[name === "lam" ? "lams" : "steps"].length - 1;
    this.update({ [name]: Math.max(0, Math.min(last, index)) });
  }

  buildWords() {
    const { config, part } = this;
    part("source").textContent = config.source;
    const about = config.metrics.filter((metric) => metric.about).map((metric) => `${metric.label}: ${metric.about}.`);
    const look = `Line: mean of ${config.seeds} seeds. Band: lowest to highest. Dotted: λ = 0. Dashed, and behind`
      + ` “zero”: ${config.sentinels.join("; ")}, which learned nothing.`;
    part("caption").textContent = [look, ...about].join(" ");
    this.legend = addLegend(part, config);
  }

  update(change) {
    Object.assign(this.state, change);
    this.showChoices();
    this.showSliders();
    this.showPicture();
    this.numbers.show();
    const sentence = this.sentence();
    this.part("canvas").setAttribute("aria-label", `${sentence} ${this.seen}`);
    if (!this.play.playing()) this.speak(sentence);
  }

  // What was not measured cannot be chosen, and a line says why.
  showChoices() {
    const { state, config, part } = this, reasons = [];
    let closed = 0;
    for (const name of CHOICES) {
      part(name).value = state[name];
      part(`${name}-about`).textContent = config.words[state[name]][1];
      for (const option of part(name).options) {
        option.disabled = this.combo({ ...state, [name]: option.value }) < 0;
        closed += option.disabled;
      }
    }
    part("data").value = state.data;
    const others = CHOICES.map((name) => config.words[state[name]][0]).join(", ");
    if (closed) reasons.push(`Grey options were not measured with the others (${others}).`);
    if (state.regularizer === NONE) reasons.push("λ has nothing to weigh.");
    part("reasons").textContent = reasons.join(" ");
  }

  showSliders() {
    const { lams, steps } = this.config, { time } = this.state;
    const lam = short(lams[this.lam]), step = `step ${thousands(steps[time])}`;
    setSlider(this.part("lam"), this.lam, lam);
    setSlider(this.part("time"), time, `${step} of ${thousands(steps.at(-1))}`);
    this.part("lam").disabled = this.state.regularizer === NONE;
    this.part("lam-text").textContent = lam;
    this.part("time-text").textContent = `${step} of ${thousands(steps.at(-1))}`;
    setEnds(this.part, time, steps.length - 1);
  }

  showPicture() {
    const { config, state } = this, at = this.frame(this.lam, state.time), { box } = config.data[state.data];
    const frames = config.combos.length * config.lams.length * config.steps.length;
    const cut = (name) => {
      const array = this.array(name), size = array.length / frames;
      return array.subarray(at * size, (at + 1) * size);
    };
    const fakes = cut("fakes"), chosen = cut("chosen"), count = chosen.reduce((sum, one) => sum + one, 0);
    const marks = count > 0 && count < chosen.length; // where G learns from all of them, none stands out
    const lost = Number.isNaN(this.array("loss_D")?.[at * config.seeds] ?? 0);
    const marked = (k) => marks && chosen[k] === 1;
    this.picture.show({ heat: cut("heat"), reals: this.array("reals"), fakes, box, lost, marked });
    this.legend.chosen.hidden = !marks || lost;
    const fakesSeen = `${chosen.length} fakes of the first seed${marks ? `, ${count} of them with chosen noise` : ""}`;
    this.seen = lost ? "The first seed diverged: it has no fakes to show" : fakesSeen;
    this.seen += `; the square spans ${short(box[0])} to ${short(box[1])} in data units.`;
    this.part("seen").textContent = this.seen;
  }

  sentence() {
    const { config, state, part } = this;
    const [lam, time] = ["lam-text", "time-text"].map((name) => part(name).textContent);
    return `${config.data[state.data].name}, λ ${lam}, ${time}: ${this.numbers.said()}.`;
  }
}
