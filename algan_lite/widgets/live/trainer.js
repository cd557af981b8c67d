// One GAN in training: its state, its random streams, and what the pictures need. Runs in the worker.

import { book } from "./book.js";
import { modeScores, sample, source } from "./data.js";
import { Stream } from "./random.js";
import { generate } from "./view.js";

const PURPOSES = ["data", "candidates 0", "candidates 1", "second candidates", "penalties", "selection", "view"];
const SCORED = 1024; // fakes behind the numbers

export class Trainer {
  constructor(graphs) {
    this.graphs = graphs;
    this.batch = book.sizes.batch;
  }

  // Fetch what the settings need. Training goes on with the old ones until then.
  async configure(settings, points) {
    const { loss, regularizer, strategy, pool } = settings;
    const graph = book.steps[`${loss}-${regularizer}-${strategy}-${strategy === "random" ? 1 : pool}`];
    if (!graph) throw new Error(`no graph for ${loss}, ${regularizer}, ${strategy}, a pool of ${pool}`);
    const [step, view] = await Promise.all([
      this.graphs.session(graph.file),
      this.graphs.session(book.look.files[loss]),
    ]);
    return () => {
      Object.assign(this, { settings, graph, stepSession: step, viewSession: view });
      if (this.state) this.fitState();
      const from = source(settings.data, points);
      if (from !== this.source) this.setSource(from);
    };
  }

  // A regularizer with moving averages has a few values more at the end of the state; zeros are its start.
  fitState() {
    const fitted = new Float32Array(this.graph.inputs.state[0]);
    fitted.set(this.state.subarray(0, fitted.length));
    this.state = fitted;
  }

  setSource(from) {
    this.source = from;
    this.reals = sample(from, new Stream(this.seed ?? 0, "shown reals"), from.points.length ? book.view.reals : 0);
  }

  // Back to the very start: initial weights of the seed, and every stream from its beginning.
  async reset(seed) {
    this.seed = seed;
    this.state = await this.graphs.initialState(seed);
    this.fitState();
    this.streams = Object.fromEntries(PURPOSES.map((purpose) => [purpose, new Stream(seed, purpose)]));
    this.scoreLatents = new Stream(seed, "scores").normals(2 * SCORED);
    this.setSource(this.source);
    Object.assign(this, { count: 0, lossD: NaN, lossG: NaN, sums: [0, 0, 0], diverged: false, scores: null });
    this.pool = { z: this.drawPool(new Stream(seed, "first picture"), 1), chosen: null, step: 0 };
  }

  drawPool(stream, factor) {
    return stream.normals(2 * this.batch * factor);
  }

  // Everything random in one step; a stream is touched only where the graph asks for it.
  draws() {
    const { streams, batch, graph } = this;
    const factor = graph.pool_factor;
    const zPool = new Float32Array(2 * batch * factor);
    for (let j = 0; j < factor; j += 1) zPool.set(streams[`candidates ${j}`].normals(2 * batch), 2 * batch * j);
    const wanted = {
      x_real: () => sample(this.source, streams.data, batch),
      z_pool: () => zPool,
      z2: () => streams["second candidates"].normals(2 * batch),
      noise: () => streams.penalties.uniforms(2 * batch),
      selection_noise: () => streams.selection.uniforms(batch * factor),
    };
    return Object.fromEntries(
      Object.keys(wanted)
        .filter((n) => n in graph.inputs)
        .map((n) => [n, wanted[n]()]),
    );
  }

  async step() {
    const draws = this.draws();
    const { settings, graph } = this;
    const numbers = { [`lam_${settings.regularizer}`]: settings.lam, lr_G: settings.lrG, lr_D: settings.lrD };
    const out = await this.graphs.step(this.stepSession, graph, this.state, draws, {
      ...numbers,
      step: this.count + 1,
    });
    this.count += 1;
    Object.assign(this, { state: out.state, lossD: out.lossD, lossG: out.lossG });
    this.last = { z: draws.z_pool, chosen: out.chosen };
    this.sums = [this.sums[0] + out.lossD, this.sums[1] + out.lossG, this.sums[2] + 1];
    if (!Number.isFinite(out.lossD + out.lossG)) this.diverged = true;
  }

  // Take the candidates of the last step into the picture, with a mark on those that G trained on.
  holdPool() {
    if (!this.last) return;
    const { z, chosen } = this.last;
    const lit = new Uint8Array(z.length / 2);
    for (const k of chosen) lit[Number(k)] = 1;
    this.pool = { z, chosen: this.graph.pool_factor > 1 ? lit : null, step: this.count };
  }

  // Mean losses since the last picture.
  takeLosses() {
    const [sumD, sumG, n] = this.sums;
    this.sums = [0, 0, 0];
    return n ? [sumD / n, sumG / n] : null;
  }

  async score() {
    this.scores = modeScores(this.source, await generate(this.graphs, this.viewSession, this.state, this.scoreLatents));
  }
}
