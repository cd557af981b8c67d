// Light or dark, as the page is.

// The page decides on light or dark, by whatever means; its text color tells which.
function toneOf(root) {
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  brush.fillStyle = getComputedStyle(root).color;
  brush.fillRect(0, 0, 1, 1);
  const [red, green, blue] = brush.getImageData(0, 0, 1, 1).data;
  return 0.3 * red + 0.59 * green + 0.11 * blue > 128 ? "dark" : "light";
}

// Keep data-tone of a node at the page's tone, and say so; returns what ends it.
export function followTone(root, changed) {
  const look = () => {
    const tone = toneOf(root);
    if (root.dataset.tone === tone) return;
    root.dataset.tone = tone;
    changed?.(tone);
  };
  look();
  const watcher = new MutationObserver(look);
  for (const node of [document.documentElement, document.body]) watcher.observe(node, { attributes: true });
  const scheme = matchMedia("(prefers-color-scheme: dark)"), soon = () => requestAnimationFrame(look);
  scheme.addEventListener("change", soon);
  return () => {
    watcher.disconnect();
    scheme.removeEventListener("change", soon);
  };
}
