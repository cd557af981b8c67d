// The reader's setting as a notebook cell.

import { book } from "./book.js";

const text = (value) => JSON.stringify(value);
const number = (value) => (value !== 0 && value < 1e-3 ? value.toExponential().replace("e-", "e-0") : String(value));

function sourceLines(from) {
  if (from.python) return [`source = ${from.python}`];
  const points = from.points.map(([x, y]) => `[${x.toFixed(2)}, ${y.toFixed(2)}]`);
  const rows = [];
  for (let i = 0; i < points.length; i += 6) rows.push(`    ${points.slice(i, i + 6).join(", ")},`);
  return ["drawing = torch.tensor([", ...rows, "])", "source = al.data.array(drawing, validation=0, test=0)"];
}

function configLines(settings, batch, steps) {
  const { loss, regularizer, lam, strategy, pool, lrG, lrD } = settings;
  const lines = [`    num_steps=${steps},`, `    batch_size=${batch},`, `    loss=${text(loss)},`];
  if (regularizer !== "none") lines.push(`    regularizers={${text(regularizer)}: ${number(lam)}},`);
  lines.push(`    strategy=${text(strategy)},`);
  if (strategy !== "random") lines.push(`    pool_factor=${pool},`);
  lines.push(`    lr=${number(lrG)},`);
  lines.push(`    betas=(${book.betas.join(", ")}),`);
  if (lrD !== lrG) lines.push(`    lr_D=${number(lrD)},`);
  return ["config = al.TrainConfig(", ...lines, ")"];
}

// Python that trains the same networks with the same settings; the random draws are PyTorch's own.
export function snippet(settings, from, { batch, width, depth }, steps) {
  const sizes = `latent_dim=2, sample_shape=(2,), width=${width}, depth=${depth}, seed=${settings.seed}`;
  return [
    "import torch",
    "",
    "import algan_lite as al",
    "",
    ...sourceLines(from),
    `G, D = al.models.mlp_pair(${sizes})`,
    ...configLines(settings, batch, steps),
    `history = al.train(G, D, source, config, seed=${settings.seed})`,
    "",
    "with torch.no_grad():",
    "    x_fake = G(torch.randn(500, 2, generator=torch.Generator().manual_seed(0)))",
    `ax = al.plots.scatter(source.sample(500, seed=${settings.seed}), x_fake, limit=${book.view.limit})`,
    "",
  ].join("\n");
}
