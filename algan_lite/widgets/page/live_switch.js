// The switch to live training. Its files belong to the built book, not to this page: they load on demand.

const FROM_FILE = "Live training needs the page served: browsers load no modules from a file."
  + " Run “make serve” and open the address it prints.";
const STAY = "The values computed before stay here.";

// What kept the module from loading, as far as another look at it tells.
async function reason(url, error) {
  let answer;
  try {
    answer = await fetch(url);
  } catch {
    return "its files cannot be reached";
  }
  if (!answer.ok) return `there is no ${url.pathname} (${answer.status}); “make book” adds it to a build`;
  const type = answer.headers.get("content-type") ?? "nothing";
  if (!/javascript/.test(type)) return `the server calls ${url.pathname} “${type}”, and browsers want JavaScript`;
  return error.message;
}

// `setting()` is where live training begins: what the reader sees.
export function liveSwitch(part, setting) {
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
      const url = new URL(`${place}_live/live/live.js`, document.baseURI);
      const live = await import(url.href).catch(async (error) => {
        throw new Error(await reason(url, error));
      });
      unmount = await live.mount(box, { settings: setting() });
      say(true, "");
    } catch (error) {
      box.replaceChildren();
      say(false, `Live training did not start: ${error.message}. ${STAY}`);
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
