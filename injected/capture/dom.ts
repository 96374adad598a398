// The DOM as the browser made it: getters and methods taken before any script of the page could replace them.
//
// They also see past forms whose fields are called `parentNode` or `attributes` (WHATWG HTML, "clobbering").

// biome-ignore lint/suspicious/noExplicitAny: the arguments of any function
type Any = any;

const { bind, call } = Function.prototype;
const descriptor = Object.getOwnPropertyDescriptor;

export function uncurry<T, A extends Any[], R>(
  method: (this: T, ...args: A) => R,
): (self: T, ...args: A) => R {
  return bind.call(call, method) as Any;
}

function getter<T extends object, K extends keyof T>(proto: T, name: K): (self: T) => T[K] {
  return uncurry(descriptor(proto, name)?.get as () => T[K]) as Any;
}

function setter<T extends object, K extends keyof T>(proto: T, name: K): (self: T, value: T[K]) => void {
  return uncurry(descriptor(proto, name)?.set as (value: T[K]) => void) as Any;
}

const node = Node.prototype;
const element = Element.prototype;
const field = HTMLInputElement.prototype;

export const nodeType = getter(node, "nodeType");
export const firstChild = getter(node, "firstChild");
export const nextSibling = getter(node, "nextSibling");
export const previousSibling = getter(node, "previousSibling");
export const parentNode = getter(node, "parentNode");
export const isConnected = getter(node, "isConnected");
export const ownerDocument = getter(node, "ownerDocument");
export const rootOf = uncurry(node.getRootNode) as (self: Node) => Node;
export const contains = uncurry(node.contains);
export const baseUri = getter(node, "baseURI");
export const append = uncurry(node.appendChild) as (self: Node, child: Node) => Node;
export const textContent = getter(node, "textContent");
export const data = getter(CharacterData.prototype, "data");

export const localName = getter(element, "localName");
export const namespaceUri = getter(element, "namespaceURI");
export const hasAttributes = uncurry(element.hasAttributes);
export const attributeNames = uncurry(element.getAttributeNames);
export const getAttribute = uncurry(element.getAttribute);
export const hasAttribute = uncurry(element.hasAttribute);
export const setAttribute = uncurry(element.setAttribute);
export const removeAttribute = uncurry(element.removeAttribute);
export const matches = uncurry(element.matches) as (self: Element, selector: string) => boolean;
export const scrollLeft = getter(element, "scrollLeft");
export const scrollTop = getter(element, "scrollTop");
export const rect = uncurry(element.getBoundingClientRect);
export const attachShadow = element.attachShadow;
const openShadow = getter(element, "shadowRoot");
const queryElement = uncurry(element.querySelectorAll) as Query<Element>;
const queryDocument = uncurry(Document.prototype.querySelectorAll) as Query<Document>;
const queryFragment = uncurry(DocumentFragment.prototype.querySelectorAll) as Query<DocumentFragment>;
type Query<T> = (self: T, selector: string) => NodeListOf<Element>;

export const controlOf = getter(HTMLLabelElement.prototype, "control");
export const hostOf = getter(ShadowRoot.prototype, "host");
export const title = getter(Document.prototype, "title");
export const activeIn = getter(Document.prototype, "activeElement");
export const activeInShadow = getter(ShadowRoot.prototype, "activeElement");
export const viewOf = getter(Document.prototype, "defaultView");
const adoptedInDocument = getter(Document.prototype, "adoptedStyleSheets");
const adoptedInShadow = getter(ShadowRoot.prototype, "adoptedStyleSheets");
const frameDocument = getter(HTMLIFrameElement.prototype, "contentDocument");
export const windowIn = getter(HTMLIFrameElement.prototype, "contentWindow");
const framesetDocument = getter(HTMLFrameElement.prototype, "contentDocument");

export const input = {
  type: getter(field, "type"),
  value: getter(field, "value"),
  setValue: setter(field, "value"),
  checked: getter(field, "checked"),
  setChecked: setter(field, "checked"),
  defaultChecked: getter(field, "defaultChecked"),
  indeterminate: getter(field, "indeterminate"),
};
export const textarea = {
  value: getter(HTMLTextAreaElement.prototype, "value"),
  setValue: setter(HTMLTextAreaElement.prototype, "value"),
  defaultValue: getter(HTMLTextAreaElement.prototype, "defaultValue"),
};
export const select = {
  value: getter(HTMLSelectElement.prototype, "value"),
  setValue: setter(HTMLSelectElement.prototype, "value"),
  selectedIndex: getter(HTMLSelectElement.prototype, "selectedIndex"),
  selected: getter(HTMLSelectElement.prototype, "selectedOptions"),
};
export const optionSelected = {
  get: getter(HTMLOptionElement.prototype, "selected"),
  set: setter(HTMLOptionElement.prototype, "selected"),
};

export const listen = uncurry(EventTarget.prototype.addEventListener) as (
  self: EventTarget,
  type: string,
  listener: (event: Any) => void,
  options?: AddEventListenerOptions | boolean,
) => void;
export function listenAll(self: EventTarget, types: string, ...how: ListenHow): void {
  for (const type of types.split(" ")) listen(self, type, ...how);
}
type ListenHow = [listener: (event: Any) => void, options?: AddEventListenerOptions | boolean];
export const dispatch = uncurry(EventTarget.prototype.dispatchEvent) as (
  self: EventTarget,
  event: Event,
) => boolean;
export const frame = window.requestAnimationFrame.bind(window);
export const timeout = window.setTimeout.bind(window) as (run: () => void, ms: number) => number;

export const Observer = MutationObserver;

export const XHTML = "http://www.w3.org/1999/xhtml";
export const ELEMENT = 1;
export const TEXT = 3;
export const CDATA = 4;
export const DOCUMENT = 9;
export const FRAGMENT = 11;

export function isElement(node: Node): node is Element {
  return nodeType(node) === ELEMENT;
}

export function isText(node: Node): boolean {
  const type = nodeType(node);
  return type === TEXT || type === CDATA;
}

export function query(root: Node, selector: string): Iterable<Element> {
  switch (nodeType(root)) {
    case ELEMENT:
      return queryElement(root as Element, selector);
    case DOCUMENT:
      return queryDocument(root as Document, selector);
    case FRAGMENT:
      return queryFragment(root as DocumentFragment, selector);
    default:
      return [];
  }
}

export function adoptedOf(root: Document | ShadowRoot): CSSStyleSheet[] {
  return nodeType(root) === DOCUMENT
    ? adoptedInDocument(root as Document)
    : adoptedInShadow(root as ShadowRoot);
}

/** Closed shadow roots that scripts of the page have made, by their element. */
export const closedShadows = new WeakMap<Element, ShadowRoot>();

export function shadowOf(element: Element): ShadowRoot | null {
  return openShadow(element) ?? closedShadows.get(element) ?? null;
}

/** The document in a frame: null where this page may not look, undefined for elements that are no frames. */
export function documentIn(element: Element): Document | null | undefined {
  const name = localName(element);
  if ((name !== "iframe" && name !== "frame") || namespaceUri(element) !== XHTML) return undefined;
  return name === "iframe"
    ? frameDocument(element as HTMLIFrameElement)
    : framesetDocument(element as HTMLFrameElement);
}

type Run = (self: Any, value: unknown, result: unknown, args: Any[]) => void;

/** [`after`] for a table of a window's interfaces and their names: `Element:attachShadow,scroll HTMLElement:click`. */
export function afterAll(realm: object, table: string, run: (type: string, name: string) => Run): void {
  for (const line of table.split(" ")) {
    const [type = "", names = ""] = line.split(":");
    for (const name of names.split(",")) after((realm as Any)[type]?.prototype, name, run(type, name));
  }
}

/** Replaces an accessor's setter or a method by one that calls `run` when the original is done. */
export function after(
  proto: object | undefined,
  name: string,
  run: Run,
  /** What it is called with, to be changed before. */
  before?: (args: Any[]) => void,
): void {
  const found = proto && descriptor(proto, name);
  if (!found?.configurable || !proto) return;
  const original = found.set ?? (found.value as (...args: Any[]) => unknown);
  if (typeof original !== "function") return;
  // A method of an object literal has the name and no prototype, as the browser's own have.
  const replacement = {
    [name](this: unknown, ...args: unknown[]): unknown {
      before?.(args);
      const result = Reflect.apply(original, this, args);
      run(this, args[0], result, args);
      return result;
    },
  }[name] as (...args: Any[]) => unknown;
  Object.defineProperty(replacement, "length", { value: original.length, configurable: true });
  Object.defineProperty(
    proto,
    name,
    found.set ? { ...found, set: replacement } : { ...found, value: replacement },
  );
}

/** Replaces an accessor's getter by one that tells who was asked. */
export function afterGet(proto: object | undefined, name: string, run: (self: Any) => void): void {
  const found = proto && descriptor(proto, name);
  const get = found?.get;
  if (!found?.configurable || !get || !proto) return;
  const accessor = {
    get [name](): unknown {
      run(this);
      return Reflect.apply(get, this, []);
    },
  };
  Object.defineProperty(proto, name, { ...found, get: descriptor(accessor, name)?.get as () => unknown });
}
