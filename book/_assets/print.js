// Paper is white: the page prints in its light theme, whatever the screen shows.
(() => {
  const root = document.documentElement;
  let shown = null;
  addEventListener("beforeprint", () => {
    shown = root.dataset.theme;
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    if (shown !== null) root.dataset.theme = shown;
    shown = null;
  });
})();
