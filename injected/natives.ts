// The browser's own functions, kept before any script of the page can replace them.

/** What a page passes around has any type. */
// biome-ignore lint/suspicious/noExplicitAny: hooks stand between the page and the browser, and check at run time
export type Any = any;
export type Fn = (...args: Any[]) => Any;

export const { apply, construct, defineProperty, get, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;

const scope: Any = globalThis;
const prototype = (name: string): Any => scope[name]?.prototype;

/**
 * The name under which a window with hooks keeps the way back to its natives. A frame's first document of the same origin
 * takes over the window of its `about:blank`, and with it the hooks that the page around it has installed there: the
 * script of that document would take them for the browser's own.
 */
export const HOOKED = "__lado_hooked";
const unhook: Fn | undefined = scope[HOOKED];
const own = (native: Any): Any => (unhook && typeof native === "function" ? unhook(native) : native);

/** A method of `owner` as a function that takes `this` first; `undefined` owners (workers, old browsers) get a no-op. */
function method(owner: Any, name: string): Fn {
  const native = own(owner?.[name]);
  return (self, ...args) => native && apply(native, self, args);
}

function accessor(owner: Any, name: string): { get: Fn; set: Fn } {
  const found = owner && getOwnPropertyDescriptor(owner, name);
  const [get, set] = [own(found?.get), own(found?.set)];
  return {
    get: (self) => get && apply(get, self, []),
    set: (self, value) => set && apply(set, self, [value]),
  };
}

const NativeURL: Any = own(scope.URL);
const URL_PARTS = ["origin", "protocol", "host", "hostname", "port"] as const;
const urlParts = URL_PARTS.map((part) => [part, accessor(prototype("URL"), part).get] as const);

/** Where an address leads, as the browser parses it: the page's own `URL` tells it otherwise (hook/address.ts). */
export const place = (url: string, base?: string): Record<(typeof URL_PARTS)[number], string> => {
  const parsed = new NativeURL(url, base);
  return Object.fromEntries(urlParts.map(([part, read]) => [part, read(parsed)])) as Any;
};

/** Requests of the page that Lado asks itself. */
export const NativeRequest: typeof XMLHttpRequest = own(scope.XMLHttpRequest);

/**
 * Methods take the object first: `natives.getAttribute(element, "src")`. They work on objects of child frames too. Pure, for
 * scripts without hooks to leave out.
 */
export const natives = /* @__PURE__ */ (() => {
  const element = prototype("Element");
  const node = prototype("Node");
  const eventTarget = prototype("EventTarget");
  return {
    URL: NativeURL as typeof URL,
    Blob: own(scope.Blob) as typeof Blob,
    fetch: own(scope.fetch)?.bind(scope) as typeof fetch,
    MutationObserver: own(scope.MutationObserver) as typeof MutationObserver,
    setTimeout: scope.setTimeout?.bind(scope) as (run: () => void, ms?: number) => number,
    queueMicrotask: scope.queueMicrotask?.bind(scope) as (run: () => void) => void,
    createObjectURL: own(scope.URL?.createObjectURL)?.bind(scope.URL) as (blob: Blob) => string,
    getAttribute: method(element, "getAttribute"),
    setAttribute: method(element, "setAttribute"),
    setAttributeNS: method(element, "setAttributeNS"),
    getElementsByTagName: method(element, "getElementsByTagName"),
    appendChild: method(node, "appendChild"),
    removeChild: method(node, "removeChild"),
    textContent: accessor(node, "textContent"),
    createElement: method(prototype("Document"), "createElement"),
    addEventListener: method(eventTarget, "addEventListener"),
    removeEventListener: method(eventTarget, "removeEventListener"),
    messageData: accessor(prototype("MessageEvent"), "data"),
    messageSource: accessor(prototype("MessageEvent"), "source"),
    stopImmediately: method(prototype("Event"), "stopImmediatePropagation"),
    contentWindow: accessor(prototype("HTMLIFrameElement"), "contentWindow"),
    formSubmit: method(prototype("HTMLFormElement"), "submit"),
    click: method(prototype("HTMLElement"), "click"),
    cookie: accessor(prototype("Document"), "cookie"),
    href: accessor(prototype("HTMLAnchorElement"), "href"),
    urlOrigin: accessor(prototype("URL"), "origin"),
    areaHref: accessor(prototype("HTMLAreaElement"), "href"),
    destination: accessor(prototype("NavigationDestination"), "url"),
  };
})();

/** The element that started this script. */
export const ownScript: HTMLScriptElement | undefined = scope.document?.currentScript ?? undefined;

/** What lets a document of no origin open its socket. */
export const sandboxToken: string = ownScript?.getAttribute("data-lado") ?? "";

/** The tag that started this script, for documents made of text that have to start with the same one. */
export const ownTag: string = ownScript?.src
  ? `<script src="${accessor(prototype("HTMLScriptElement"), "src").get(ownScript)}"${ownScript.nonce ? ` nonce="${ownScript.nonce}"` : ""}${sandboxToken && ` data-lado="${sandboxToken}"`}></script>`
  : "";

/** Runs a hook's own work: whatever goes wrong in it, the page gets what the browser alone would have done. */
export function guard<T>(work: () => T, otherwise: T): T {
  try {
    return work();
  } catch {
    return otherwise;
  }
}
