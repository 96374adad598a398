// What the cases share. The harness gives `siteReport` and `sitePress`; everything else is the page's own.

const www = "{{www}}";
const api = "{{api}}";
const cdn = "{{cdn}}";

/** Runs a case and reports what it answers; what it throws is reported as a failure of the case itself. */
async function report(work) {
  let told;
  if (document.readyState === "loading") await new Promise((go) => document.addEventListener("DOMContentLoaded", go));
  try {
    told = { value: (await work()) ?? null };
  } catch (error) {
    told = { thrown: `${error?.name}: ${error?.message}` };
  }
  await siteReport(JSON.stringify(told));
}

/** A real press of a person, for what the browser gives only then. */
const press = (selector) => sitePress(selector);

/** The next event, or an error after eight seconds. */
const once = (target, type, accept = () => true) =>
  new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${type}`)), 8000);
    target.addEventListener(type, function take(event) {
      if (!accept(event)) return;
      clearTimeout(late);
      target.removeEventListener(type, take);
      resolve(event);
    });
  });

/** The next message that another window of the case posts. */
const message = (accept) => once(window, "message", accept ?? ((event) => event.data?.lado === undefined));

const pause = (ms) => new Promise((go) => setTimeout(go, ms));

/** An element in the page; attributes are set before it goes in. */
function add(tag, attributes = {}, parent = document.body ?? document.documentElement) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return parent.appendChild(element);
}

/** Which of its two ends a loading element comes to. */
const settled = (element) =>
  new Promise((resolve, reject) => {
    element.addEventListener("load", () => resolve("load"));
    element.addEventListener("error", () => resolve("error"));
    setTimeout(() => reject(new Error(`neither load nor error of ${element.localName}`)), 8000);
  });

async function frame(attributes) {
  const element = document.createElement("iframe");
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  const loaded = once(element, "load");
  document.documentElement.append(element);
  await loaded;
  return element;
}

/** The width of a picture once it is there; 0 when it is not. */
const width = async (image) => {
  if (!image.complete) await settled(image);
  return image.naturalWidth;
};

/** Until `test` is true; the answer of the last try when it never is. */
async function until(test) {
  let last;
  for (let i = 0; i < 80; i++) {
    last = await test();
    if (last) return last;
    await pause(25);
  }
  return last;
}

const json = async (url, init) => (await fetch(url, init)).json();
const failure = async (work) => {
  try {
    await work();
    return "none";
  } catch (error) {
    return error.name;
  }
};
/** Cookies whose names start with `name`, in the order in which the page reads them. */
const cookies = (name, text = document.cookie) =>
  (text ?? "").split("; ").filter((cookie) => cookie.startsWith(name));
const pick = (object, ...names) => Object.fromEntries(names.map((name) => [name, object[name]]));
/** `location`'s own addresses are the view host's: a case that needs to tell them asks by this. */
const here = (path) => new URL(path, location.href).href;

/** Has a window with parts/frame.html do something, and answers what it says, and as whom. */
async function ask(window, origin, command) {
  const heard = message((event) => event.data?.of === command.do);
  window.postMessage(command, origin);
  const { origin: from, data } = await heard;
  return { from: from === location.origin ? "own" : from, ...data };
}
const ready = (work) => Promise.all([message((event) => event.data === "ready"), work()]).then(([event, made]) => ({ event, made }));
