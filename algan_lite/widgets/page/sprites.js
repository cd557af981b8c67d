// Image samples against lambda: the two sliders say which row of the sheet to show.

import { short, thousands } from "../kit/text.js";
import { followTone } from "../kit/theme.js";
import { addTicks, setEnds, setSlider, speaker, timeControl } from "./common.js";

export async function sprites(root, part, config) {
  const sheet = new Image();
  sheet.src = `data:image/png;base64,${part("packed").textContent}`;
  await sheet.decode();
  const { lams, steps, tiles, width, height } = config, last = steps.length - 1;
  const state = { lam: config.start, time: last }, speak = speaker(part("spoken"));
  const gaps = (columns) => Math.ceil(tiles / columns) * columns - tiles;
  const columns = [8, 7, 6, 5, 4].map((count) => Math.min(count, tiles)).sort((a, b) => gaps(a) - gaps(b))[0];

  const draw = () => {
    const canvas = part("canvas"), brush = canvas.getContext("2d"), row = state.lam * steps.length + state.time;
    brush.clearRect(0, 0, canvas.width, canvas.height);
    for (let k = 0; k < tiles; k++) {
      const x = (k % columns) * (width + 1), y = Math.floor(k / columns) * (height + 1);
      brush.drawImage(sheet, k * width, row * height, width, height, x, y, width, height);
    }
  };
  const update = (change) => {
    Object.assign(state, change);
    const lam = short(lams[state.lam]), step = `step ${thousands(steps[state.time])} of ${thousands(steps[last])}`;
    setSlider(part("lam"), state.lam, lam);
    setSlider(part("time"), state.time, step);
    part("lam-text").textContent = lam;
    part("time-text").textContent = step;
    setEnds(part, state.time, last);
    part("canvas").setAttribute("aria-label", `${tiles} samples of G for λ ${lam}, ${step}.`);
    draw();
    if (!play.playing()) speak(`λ ${lam}, ${step}`);
  };
  const play = timeControl(part, last, { now: () => state.time, show: (time) => update({ time }), rested: () => update({}) });

  addTicks(part("lam-ticks"), lams);
  part("lam").max = lams.length - 1;
  part("canvas").width = columns * (width + 1) - 1;
  part("canvas").height = Math.ceil(tiles / columns) * (height + 1) - 1;
  part("source").textContent = config.note;
  part("lam").addEventListener("input", () => update({ lam: Number(part("lam").value) }));
  part("body").hidden = false;
  followTone(root);
  update({});
}
