// The exported graphs: fetched when they are first needed, each turned into one session and kept.

import { book, download, get } from "./book.js";

const OPTIONS = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };

// The runtime, on one thread: more would need headers that a plain web server does not send.
export async function loadRuntime(root, loading) {
  if (typeof WebAssembly === "undefined") throw new Error("this browser has no WebAssembly, or its user turned it off");
  const ort = await import(new URL(book.ort, root).href);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await download(new URL(book.wasm, root), loading);
  ort.env.logLevel = "error";
  return ort;
}

export class Graphs {
  constructor(ort, root) {
    Object.assign(this, { ort, root: new URL("graphs/", root), sessions: new Map() });
  }

  session(file) {
    if (!this.sessions.has(file)) {
      const made = get(new URL(file, this.root))
        .then((answer) => answer.arrayBuffer())
        .then((bytes) => this.ort.InferenceSession.create(bytes, OPTIONS));
      made.catch(() => this.sessions.delete(file)); // a failed download may be tried again
      this.sessions.set(file, made);
    }
    return this.sessions.get(file);
  }

  tensor(values, dims) {
    return new this.ort.Tensor("float32", values, dims);
  }

  scalar(value) {
    return this.tensor(Float32Array.of(value), []);
  }

  // The packed state of freshly made networks: one row of the file for each seed.
  async initialState(seed) {
    const { states, state_size: size, seeds } = book;
    this.states ??= get(new URL(states, this.root)).then((answer) => answer.arrayBuffer());
    const row = seeds.indexOf(seed);
    if (row < 0) throw new Error(`seed must be one of ${seeds.join(", ")}; got ${seed}`);
    return new Float32Array(await this.states, 4 * size * row, size).slice();
  }

  // One training step. `draws` are arrays of pairs or of single numbers, `numbers` scalars; what the graph
  // does not list is left out.
  async step(session, graph, state, draws, numbers) {
    const feeds = { state: this.tensor(state, [state.length]) };
    for (const [name, values] of Object.entries(draws))
      feeds[name] = this.tensor(values, name === "selection_noise" ? [values.length] : [values.length / 2, 2]);
    for (const [name, value] of Object.entries(numbers))
      if (name in graph.inputs) feeds[name] = this.scalar(value);
    const out = await session.run(feeds);
    const taken = { state: out.new_state.data, lossD: out.loss_D.data[0], lossG: out.loss_G.data[0] };
    return { ...taken, chosen: out.chosen.data };
  }

  async view(session, state, x, z) {
    const points = (values) => this.tensor(values, [values.length / 2, 2]);
    const seen = state.subarray(0, book.look.state_size);
    const out = await session.run({ state: this.tensor(seen, [seen.length]), x: points(x), z: points(z) });
    const { logits_x: logitsX, fakes, logits_fakes: logitsFakes, arrows } = out;
    return { logitsX: logitsX.data, fakes: fakes.data, logitsFakes: logitsFakes.data, arrows: arrows.data };
  }
}
