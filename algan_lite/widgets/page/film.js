// Recorded runs side by side: one slider of time moves them all.

import { el } from "../kit/dom.js";
import { thousands } from "../kit/text.js";
import { followTone } from "../kit/theme.js";
import { setEnds, setSlider, speaker, timeControl } from "./common.js";
import { addLegend } from "./legend.js";
import { Picture } from "./picture.js";
import { inflate, unpack } from "./unpack.js";

export async function film(root, part, config) {
  const arrays = unpack(await inflate(part("packed").textContent), config.entries);
  const { steps, scenes, box } = config, last = steps.length - 1, speak = speaker(part("spoken"));
  let time = last;
  part("body").hidden = false; // a canvas must have a size before it is drawn
  followTone(root);
  addLegend(part, config);
  part("source").textContent = config.note;
  const panels = scenes.map((scene, k) => addPanel(part("panels"), scene, k, config));

  const show = (now) => {
    time = now;
    const step = `step ${thousands(steps[time])} of ${thousands(steps[last])}`;
    setSlider(part("time"), time, step);
    setEnds(part, time, last);
    part("time-text").textContent = step;
    for (const { k, picture, note } of panels) {
      picture.show({ reals: arrays.reals, box, ...moment(arrays, k, time, steps.length) });
      note.textContent = scenes[k].notes[time];
      picture.canvas.setAttribute("aria-label", `${scenes[k].name}, ${step}: ${scenes[k].notes[time]}`);
    }
    if (!play.playing()) rested();
  };
  const said = () => scenes.map(({ name, notes }) => `${name}: ${notes[time]}`).join("; ");
  const rested = () => speak(`step ${thousands(steps[time])}. ${said()}.`);
  const play = timeControl(part, last, { now: () => time, show, rested });
  show(last);
}

function addPanel(box, { name }, k, config) {
  const canvas = el("canvas", { role: "img" }), note = el("span");
  box.append(el("div", { class: "lx-panel" }, el("b", { textContent: name }), canvas, note));
  return { k, note, picture: new Picture(canvas, config) };
}

// What scene number k holds at a time, as the square draws it.
function moment(arrays, k, time, count) {
  const cut = (name) => {
    const array = arrays[`${k}/${name}`], size = array.length / count;
    return array.subarray(time * size, (time + 1) * size);
  };
  const chosen = cut("chosen"), all = chosen.every(Boolean); // where all are chosen, none stands out
  return { heat: cut("heat"), fakes: cut("fakes"), lost: false, marked: (at) => !all && chosen[at] === 1 };
}
