// The worker: trains as fast as the reader asks for and sends pictures. The page itself never waits for it.

import { book, loadBook } from "./book.js";
import { Graphs, loadRuntime } from "./graphs.js";
import { Trainer } from "./trainer.js";
import { look } from "./view.js";

const SLICE = 15; // ms of training between two looks at the messages
const HOLD = 400; // ms that one pool of candidates stays in the picture, so that the eye can follow it
const SCORE_EVERY = 500; // ms between two measurements of modes and quality

const root = new URL("../", import.meta.url);
const own = { running: false, rate: Infinity, gap: 33, awaiting: false, busy: false, changes: 0, applied: 0 };
const clock = { picture: 0, hold: 0, score: 0, began: 0, steps: 0, speed: 0 };
let trainer = null;
let chain = Promise.resolve();

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const { port1, port2 } = new MessageChannel();
const turn = () =>
  new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(0);
  }); // setTimeout waits 4 ms

// One thing at a time: the state belongs to whoever is in the chain.
function enqueue(task) {
  chain = chain.then(task).catch((error) => {
    own.running = false;
    postMessage({ type: "error", message: String(error?.message ?? error) });
  });
  return chain;
}

async function start({ settings, points, gap }) {
  await loadBook(root);
  trainer = new Trainer(new Graphs(await loadRuntime(root, (seen) => postMessage({ type: "loading", ...seen })), root));
  own.gap = gap;
  (await trainer.configure(settings, points))();
  await trainer.reset(settings.seed);
  postMessage({ type: "ready", seeds: book.seeds });
  await picture(true);
}

async function change({ settings, points, restart: again }) {
  const turnOf = (own.changes += 1);
  let apply;
  try {
    apply = await trainer.configure(settings, points); // outside the chain: training goes on meanwhile
  } catch (error) {
    postMessage({ type: "refused", message: error.message, settings: trainer.settings });
    return;
  }
  await enqueue(async () => {
    if (turnOf > own.applied) {
      // else a later change was ready sooner
      own.applied = turnOf;
      apply();
      if (again || settings.seed !== trainer.seed) await restart(settings.seed);
      await picture(true);
    }
    postMessage({ type: "applied" });
  });
}

async function restart(seed) {
  await trainer.reset(seed);
  postMessage({ type: "restarted" });
}

async function picture(now = false) {
  const time = performance.now();
  if (!now && (own.awaiting || time - clock.picture < own.gap)) return;
  if (now || time - clock.score > SCORE_EVERY) {
    await trainer.score();
    clock.score = time;
  }
  if (now || time - clock.hold > HOLD) {
    if (trainer.count) trainer.holdPool();
    clock.hold = time;
  }
  clock.picture = time;
  own.awaiting = true;
  const boundary = book.boundaries[trainer.settings.loss];
  const { pool, scores, reals, count, lossD, lossG, diverged } = trainer;
  const seen = await look(trainer.graphs, trainer.viewSession, trainer.state, pool.z, boundary);
  const losses = trainer.takeLosses();
  const speed = own.running ? clock.speed : 0;
  postMessage({ type: "picture", ...seen, pool, reals, scores, count, lossD, lossG, losses, speed, diverged });
}

function measure() {
  const time = performance.now();
  if (time - clock.began < 1000) return;
  clock.speed = (1000 * clock.steps) / (time - clock.began);
  Object.assign(clock, { began: time, steps: 0 });
}

async function slice() {
  const end = performance.now() + SLICE;
  do {
    await trainer.step();
    clock.steps += 1;
    if (trainer.diverged) {
      own.running = false;
      return picture(true);
    }
  } while (own.rate === Infinity && performance.now() < end);
  measure();
  return picture();
}

async function run() {
  if (own.busy) return;
  own.busy = true;
  Object.assign(clock, { began: performance.now(), steps: 0, speed: 0 });
  while (own.running) {
    const begin = performance.now();
    await enqueue(slice);
    await (own.rate === Infinity ? turn() : later(Math.max(0, 1000 / own.rate - (performance.now() - begin))));
  }
  own.busy = false;
  await enqueue(() => picture(true));
}

const answers = {
  start: (message) => enqueue(() => start(message)),
  change,
  drawn: () => {
    own.awaiting = false;
  },
  run: ({ running, rate }) => {
    Object.assign(own, { running, rate: rate ?? own.rate });
    if (running) run();
  },
  step: () =>
    enqueue(async () => {
      await trainer.step();
      trainer.holdPool();
      await picture(true);
    }),
  reset: ({ seed }) =>
    enqueue(async () => {
      await restart(seed);
      await picture(true);
    }),
};

onmessage = async ({ data }) => {
  try {
    await answers[data.type](data);
  } catch (error) {
    postMessage({ type: "error", message: String(error?.message ?? error) });
  }
};
