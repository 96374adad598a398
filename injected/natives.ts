// The browser's own functions, kept before any script of the page can replace them.

/** What a page passes around has any type. */
// biome-ignore lint/suspicious/noExplicitAny: hooks stand between the page and the browser, and check at run time
export type Any = any;
export type Fn = (...args: Any[]) => Any;

export const { apply, construct, defineProperty, get, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;

const scope: Any = globalThis;
const prototype = (name: string): Any => scope[name]?.prototype;

/** A method of `owner` as a function that takes `this` first; `undefined` owners (workers, old browsers) get a no-op. */
function method(owner: Any, name: string): Fn {
  const native = owner?.[name];
  return (self, ...args) => native && apply(native, self, args);
}

function accessor(owner: Any, name: string): { get: Fn; set: Fn } {
  const found = owner && getOwnPropertyDescriptor(owner, name);
  return {
    get: (self) => found?.get && apply(found.get, self, []),
    set: (self, value) => found?.set && apply(found.set, self, [value]),
  };
}

const element = prototype("Element");
const node = prototype("Node");
const eventTarget = prototype("EventTarget");

/** Methods take the object first: `natives.getAttribute(element, "src")`. They work on objects of child frames too. */
export const natives = {
  URL: scope.URL as typeof URL,
  Blob: scope.Blob as typeof Blob,
  XMLHttpRequest: scope.XMLHttpRequest as typeof XMLHttpRequest,
  WebSocket: scope.WebSocket as typeof WebSocket,
  MutationObserver: scope.MutationObserver as typeof MutationObserver,
  setTimeout: scope.setTimeout?.bind(scope) as (run: () => void, ms?: number) => number,
  createObjectURL: scope.URL?.createObjectURL?.bind(scope.URL) as (blob: Blob) => string,
  revokeObjectURL: scope.URL?.revokeObjectURL?.bind(scope.URL) as (url: string) => void,
  getAttribute: method(element, "getAttribute"),
  setAttribute: method(element, "setAttribute"),
  setAttributeNS: method(element, "setAttributeNS"),
  removeAttribute: method(element, "removeAttribute"),
  hasAttribute: method(element, "hasAttribute"),
  attachShadow: method(element, "attachShadow"),
  getElementsByTagName: method(element, "getElementsByTagName"),
  querySelectorAll: method(element, "querySelectorAll"),
  appendChild: method(node, "appendChild"),
  removeChild: method(node, "removeChild"),
  textContent: accessor(node, "textContent"),
  createElement: method(prototype("Document"), "createElement"),
  addEventListener: method(eventTarget, "addEventListener"),
  removeEventListener: method(eventTarget, "removeEventListener"),
  dispatchEvent: method(eventTarget, "dispatchEvent"),
  postMessage: scope.postMessage as Fn,
  contentWindow: accessor(prototype("HTMLIFrameElement"), "contentWindow"),
  contentDocument: accessor(prototype("HTMLIFrameElement"), "contentDocument"),
  formSubmit: method(prototype("HTMLFormElement"), "submit"),
  click: method(prototype("HTMLElement"), "click"),
  cookie: accessor(prototype("Document"), "cookie"),
  href: accessor(prototype("HTMLAnchorElement"), "href"),
};

/** The element that started this script. */
export const ownScript: HTMLScriptElement | undefined = scope.document?.currentScript ?? undefined;

/** The tag that started this script, for documents made of text that have to start with the same one. */
export const ownTag: string = ownScript?.src
  ? `<script src="${ownScript.src}"${ownScript.nonce ? ` nonce="${ownScript.nonce}"` : ""}></script>`
  : "";

/** Runs a hook's own work: whatever goes wrong in it, the page gets what the browser alone would have done. */
export function guard<T>(work: () => T, otherwise: T): T {
  try {
    return work();
  } catch {
    return otherwise;
  }
}
