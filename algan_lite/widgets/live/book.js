// What the build says of the book: sizes, names, colors, laws of the data, graphs. Loaded before anything else.

export const book = {};

export async function get(url) {
  const answer = await fetch(url).catch((error) => {
    throw new Error(`${url.pathname} cannot be asked for (${error.message})`);
  });
  if (!answer.ok) throw new Error(`${url.pathname} does not load (${answer.status})`);
  return answer;
}

// All bytes of a large file; `loading({ done, total })` is called on the way, where the server says how many there are.
export async function download(url, loading = () => {}) {
  const answer = await get(url), total = Number(answer.headers.get("content-length"));
  const parts = [];
  let done = 0;
  for await (const part of read(answer.body)) {
    parts.push(part);
    done += part.length;
    if (done <= total) loading({ done, total }); // of a compressed file more bytes come than the server says
  }
  return new Blob(parts).arrayBuffer();
}

async function* read(body) {
  const reader = body.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) yield value;
}

export async function loadBook(root) {
  return Object.assign(book, await (await get(new URL("config.json", root))).json());
}
