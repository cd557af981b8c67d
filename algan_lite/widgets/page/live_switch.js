// The switch to live training. Its files belong to the built book, not to this page: they load on demand.

const FROM_FILE = "Live training needs the page served: browsers load no modules from a file."
  + " Run “make serve” and open the address it prints.";
const STAY = "The values computed before stay here.";

export function liveSwitch(root, part) {
  const button = part("live"), answer = part("answer"), box = part("live-box");
  let unmount = null;
  const say = (on, text) => {
    button.setAttribute("aria-checked", on);
    answer.textContent = text;
  };
  const off = () => {
    const leave = unmount;
    unmount = null;
    if (typeof leave === "function") leave();
    box.replaceChildren();
    say(false, "");
  };
  const on = async () => {
    if (location.protocol === "file:")
      return say(false, `${FROM_FILE} ${STAY}`);
    say(true, "Loading …");
    try {
      const place = document.documentElement.dataset.content_root || "./";
      const live = await import(new URL(`${place}_live/live/live.js`, document.baseURI).href);
      unmount = await live.mount(box);
      say(true, "");
    } catch (error) {
      box.replaceChildren();
      say(false, `Live training is not part of this build. ${STAY}`);
      console.info("live training:", error.message);
    }
  };
  button.addEventListener("click", async () => {
    if (button.disabled) return;
    button.disabled = true; // until it has answered: a second press would mount it twice
    await (unmount ? off() : on());
    button.disabled = false;
    button.focus();
  });
}
