// The way back from pack.py: text -> bytes -> arrays.

export async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export function unpack(bytes, entries) {
  const arrays = {};
  let start = 0;
  for (const entry of entries) {
    const count = entry.shape.reduce((product, length) => product * length, 1);
    const size = { bits: Math.ceil(count / 8), bytes: count, map: count, floats: 2 * count }[entry.code];
    arrays[entry.name] = READ[entry.code](bytes.subarray(start, start + size), count, entry);
    start += size;
  }
  return arrays;
}

const READ = {
  bytes: (block) => block,
  bits: (block, count) => Uint8Array.from({ length: count }, (_, k) => (block[k >> 3] >> (k & 7)) & 1),
  map(block, count, entry) {
    const side = entry.shape.at(-1), maps = new Uint8Array(count);
    for (let k = 0; k < count; k++) {
      // A sum over all that lies left and below, modulo 256, undoes both differences.
      const column = k % side, row = Math.floor(k / side) % side;
      const left = column ? maps[k - 1] : 0, below = row ? maps[k - side] : 0;
      maps[k] = block[k] + left + below - (row && column ? maps[k - side - 1] : 0);
    }
    return maps.map((step) => Math.min(255, entry.levels * step));
  },
  floats(block, count, { low, high, missing }) {
    const step = (high - low) / (missing - 1);
    const read = (k) => block[k] + 256 * block[count + k];
    return Float64Array.from({ length: count }, (_, k) => read(k) === missing ? NaN : Math.sinh(low + step * read(k)));
  },
};
