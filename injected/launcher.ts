// The launcher: the one thing that visitors without a session load. It offers help, and on pages that Lado does not
// serve itself it brings the sync script back on every page of a session.
//
//   front host:  <script async src="/__lado/launcher.….js">, put in by Lado
//   any page:    <script async src="https://lado.example.com/lado.js" data-company="acme"></script>

interface LadoEvents {
  start: undefined;
  end: undefined;
}

type Listener = () => void;

export {};

const tag = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
/** Lado's origin, on pages that Lado does not serve. */
const base = tag?.dataset.company ? new URL(tag.src).origin : "";
const company = tag?.dataset.company ?? "";

const TOKEN = "__lado";
const ASKED = "__lado_asked";
const RETURN = /^#lado=([\w.-]+)$/;

const WORDS: Record<string, [help: string, hint: string]> = {
  en: ["Get help", "An agent looks at this page together with you. You decide, and can stop at any time."],
  pt: [
    "Preciso de ajuda",
    "Um atendente vê esta página junto com você. Você decide, e pode parar quando quiser.",
  ],
  es: ["Necesito ayuda", "Un agente ve esta página junto contigo. Tú decides y puedes parar cuando quieras."],
  fr: [
    "Besoin d’aide",
    "Un conseiller regarde cette page avec vous. Vous décidez et pouvez arrêter à tout moment.",
  ],
  de: [
    "Hilfe holen",
    "Jemand sieht diese Seite zusammen mit Ihnen an. Sie entscheiden und können jederzeit aufhören.",
  ],
};

const STYLE = `
:host { all: initial !important; position: fixed !important; left: 16px !important; bottom: 16px !important;
  z-index: 2147483646 !important; display: block !important; color-scheme: light !important; }
button { display: flex; align-items: center; gap: 8px; min-height: 44px; padding: 0 18px 0 14px; border: 0;
  border-radius: 22px; background: #0b6b67; color: #fff; font: 600 15px/1 system-ui, sans-serif; cursor: pointer;
  box-shadow: 0 4px 16px rgb(0 0 0 / .24); }
button:hover { background: #095956; }
button:focus-visible { outline: 3px solid #0b6b67; outline-offset: 3px; }
button:disabled { opacity: .75; cursor: default; }
@media (forced-colors: active) { button { border: 1px solid; } }
@media print { :host { display: none !important; } }
`;

const listeners: { [type in keyof LadoEvents]: Set<Listener> } = { start: new Set(), end: new Set() };
let button: HTMLElement | null = null;
let active = false;

function stored(): string | null {
  try {
    return localStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}

function store(token: string | null): void {
  try {
    if (token) localStorage.setItem(TOKEN, token);
    else localStorage.removeItem(TOKEN);
  } catch {
    // A page without storage has a session of one page.
  }
}

/** Asks for help: the console's own page asks for consent, and comes back to this one. */
function start(): void {
  if (active) return;
  const { origin, pathname, search, hash } = location;
  location.assign(
    base
      ? `${base}/script/help?company=${encodeURIComponent(company)}&asked=${remembered()}&at=${encodeURIComponent(origin + pathname + search)}`
      : `/__lado/help?at=${encodeURIComponent(pathname + search + hash)}`,
  );
}

/** What this tab knows again that it has asked by: a ticket in a link that somebody was sent opens nothing here. */
function remembered(): string {
  const bytes = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)));
  const text = btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
  try {
    sessionStorage.setItem(ASKED, text);
  } catch {
    // A page without storage cannot come back to its session.
  }
  return text;
}

function asked(): string {
  try {
    return sessionStorage.getItem(ASKED) ?? "";
  } catch {
    return "";
  }
}

/** Ends the session, as the button in the panel does. */
function end(): void {
  if (!active) return;
  const token = stored();
  const address = base ? `${base}/script/end?token=${encodeURIComponent(token ?? "")}` : "/__lado/end";
  // With CORS the browser says the page's origin whatever its Referrer-Policy is.
  void fetch(address, { method: "POST", mode: base ? "cors" : "same-origin", keepalive: true }).catch(
    () => {},
  );
}

/** Calls `run` when a session starts on this page, or ends. Answers a function that stops it. */
function on(type: keyof LadoEvents, run: Listener): () => void {
  listeners[type]?.add(run);
  if (type === "start" && active) run();
  return () => listeners[type]?.delete(run);
}

function tell(type: keyof LadoEvents): void {
  for (const run of listeners[type]) {
    try {
      run();
    } catch (error) {
      reportError(error);
    }
  }
  dispatchEvent(new CustomEvent(`lado:${type}`));
}

function offer(): void {
  if (tag?.dataset.button === "none") return;
  button ??= made();
  // Not in the body: sites that go to their next page by themselves put another one in its place.
  if (!button.isConnected) document.documentElement.append(button);
}

function made(): HTMLElement {
  const tongue = (document.documentElement.lang || navigator.language).slice(0, 2).toLowerCase();
  const [help, hint] = WORDS[tongue] ?? (WORDS.en as [string, string]);
  const element = document.createElement("lado-launcher");
  const root = element.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(STYLE);
  root.adoptedStyleSheets = [style];
  const press = document.createElement("button");
  press.type = "button";
  press.title = hint;
  press.append(mark(), help);
  press.addEventListener("click", (event) => {
    if (!event.isTrusted) return;
    press.disabled = true;
    start();
  });
  // Back from the consent without having given it.
  addEventListener("pageshow", () => {
    press.disabled = false;
  });
  root.append(press);
  return element;
}

function mark(): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({
    viewBox: "0 0 32 32",
    width: "20",
    height: "20",
    "aria-hidden": "true",
  }))
    svg.setAttribute(name, value);
  for (const [x, fill] of [
    ["2", "#fff"],
    ["13", "#f0a04b"],
  ] as const) {
    const sheet = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ x, y: "5", width: "17", height: "22", rx: "5", fill }))
      sheet.setAttribute(name, value);
    if (x === "13") sheet.setAttribute("fill-opacity", ".9");
    svg.append(sheet);
  }
  return svg;
}

/** The sync script, for as long as the session lasts. */
function resume(query: string): void {
  const script = document.createElement("script");
  script.src = `${base}/script/boot.js?${query}`;
  const nonce = tag?.nonce;
  if (nonce) script.nonce = nonce;
  script.onerror = () => {
    // The session is over, or Lado is not there: the page goes on alone.
    store(null);
    ready(offer);
  };
  document.head.append(script);
}

function ready(run: () => void): void {
  if (document.body) run();
  else document.addEventListener("DOMContentLoaded", run, { once: true });
}

/** A site that has gone on by itself may have thrown the button away with the rest of its page. */
function look(): void {
  if (button) ready(offer);
}

addEventListener("popstate", look);
if ("navigation" in window) navigation.addEventListener("currententrychange", look);

// What the sync script tells.
addEventListener("lado:sync", (event) => {
  const { state, token } = (event as CustomEvent<{ state: string; token?: string }>).detail ?? {};
  if (state === "on" && !active) {
    active = true;
    if (token) store(token);
    button?.remove();
    button = null;
    tell("start");
  } else if (state === "off" && active) {
    active = false;
    store(null);
    tell("end");
    ready(offer);
  }
});

if (window.parent === window && !("Lado" in window)) {
  Object.defineProperty(window, "Lado", { value: Object.freeze({ start, end, on }) });
  // A page of a front host's session has the sync script already.
  const synced = tag?.dataset.session !== undefined;
  dispatchEvent(new CustomEvent("lado:ask"));
  const ticket = base && RETURN.exec(location.hash)?.[1];
  const token = base && stored();
  if (ticket) {
    history.replaceState(history.state, "", location.pathname + location.search);
    resume(`ticket=${encodeURIComponent(ticket)}&asked=${asked()}`);
  } else if (token) resume(`token=${encodeURIComponent(token)}`);
  else if (!synced) ready(offer);
}
