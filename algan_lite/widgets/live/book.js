// What the build says of the book: sizes, names, colors, laws of the data, graphs. Loaded before anything else.

export const book = {};

export async function get(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url.pathname} does not load (${answer.status})`);
  return answer;
}

export async function loadBook(root) {
  return Object.assign(book, await (await get(new URL("config.json", root))).json());
}
