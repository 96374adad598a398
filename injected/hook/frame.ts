// Child frames and other windows: hooks get in before the page can use them, and messages find their way.

import { hearFrames } from "../framed";
import { type Any, apply, type Fn, getOwnPropertyDescriptor, guard, natives } from "../natives";
import { accessor, type Context, method } from "./replace";
import { textOf } from "./style";

const SPECIAL = "iframe,frame,object,style,script[type=importmap],script[type=speculationrules]";
const INSERTS: Record<string, string> = {
  Node: "appendChild insertBefore replaceChild",
  Element: "append prepend before after replaceWith replaceChildren insertAdjacentElement moveBefore",
  CharacterData: "before after replaceWith",
  DocumentFragment: "append prepend replaceChildren moveBefore",
  Document: "append prepend replaceChildren",
  Range: "insertNode surroundContents",
};

export function hookFrames(context: Context): void {
  const { realm } = context;
  if (realm !== window) hearFrames(realm);
  for (const [type, names] of Object.entries(INSERTS)) {
    for (const name of names.split(" ")) {
      const prototype = realm[type]?.prototype;
      if (!prototype || !Object.hasOwn(prototype, name)) continue;
      method(
        prototype,
        name,
        (args, self) => prepare(context, self, args),
        (result, _, args) => {
          for (const node of args)
            if (node?.nodeType === 1 && mayHold(node) && node.isConnected) reachFrames(context, node);
          for (const frame of moved.get(args) ?? []) reachFrames(context, frame);
          return result;
        },
      );
    }
  }
  hookWindows(context);
}

/** Arguments of an insertion → the frames that were in its fragments, which are empty afterwards. */
const moved = new WeakMap<Any[], Any[]>();
const HOLDERS = new Set(["iframe", "frame", "object", "style", "script"]);
/** Most insertions are of single elements and texts: they cost no search. */
const mayHold = (node: Any): boolean => HOLDERS.has(node.localName) || node.firstElementChild;

/** Texts that start requests as soon as they are in the document: they are mapped before. */
function prepare(context: Context, parent: Any, nodes: Any[]): void {
  for (const node of nodes) {
    const type = node?.nodeType;
    // Only text that goes into a `<style>` matters, and only a whole tree that goes into the document.
    if (type === 3 || typeof node === "string") {
      const change = textOf(context, parent);
      if (!change) continue;
      if (type === 3) node.data = change(node.data);
      else nodes[nodes.indexOf(node)] = change(node);
    } else if (
      (type === 1 || type === 11) &&
      mayHold(node) &&
      (parent.isConnected || parent.ownerDocument === null)
    ) {
      const all = [node, ...special(node)];
      if (type === 11) moved.set(nodes, all.filter(isFrame));
      for (const found of all) {
        const change = textOf(context, found);
        if (!change) continue;
        const text = natives.textContent.get(found);
        const next = change(text);
        if (next !== text) natives.textContent.set(found, next);
      }
    }
  }
}

const special = (node: Any): Any[] => (node.firstElementChild ? [...node.querySelectorAll(SPECIAL)] : []);

/** After HTML text has gone into `parent`. */
export function insertedFrames(context: Context, parent: Any, texts: Any[]): void {
  if (parent && texts.some((text) => /<i?frame|<object/i.test(String(text)))) reachFrames(context, parent);
}

export const isFrame = (node: Any): boolean => /^(?:iframe|frame|object)$/.test(node.localName);
const watched = new WeakSet<Any>();

export function reachFrames(context: Context, root: Any): void {
  for (const frame of [root, ...special(root)]) {
    if (!isFrame(frame)) continue;
    const reach = () => {
      if (!expectsForeign(context, frame)) context.reach(natives.contentWindow.get(frame));
    };
    guard(reach, undefined);
    // The first document replaces `about:blank` in the same window (HTML standard, "initialise the Document object");
    // later ones bring new windows.
    if (watched.has(frame)) continue;
    watched.add(frame);
    natives.addEventListener(frame, "load", () => guard(reach, undefined));
  }
}

/** Whether a frame has been sent to another site: its window is `about:blank` of our own until that has answered. */
function expectsForeign({ map }: Context, frame: Any): boolean {
  const src = natives.getAttribute(frame, frame.localName === "object" ? "data" : "src");
  return !!src && /^(?:https?:)?\/\//i.test(src) && !`${src}/`.startsWith(`${map.view}/`);
}

/** A window as pages have first seen it: it must stay the same object, because they compare `event.source` with it. */
const plain = new WeakSet<Any>();
const shown = new WeakMap<Any, Any>();

function foreign(window: Any): boolean {
  try {
    return !window.document;
  } catch {
    return true;
  }
}

/**
 * `postMessage` of a window of another site cannot be replaced in it, so the page gets a proxy of the window, which maps
 * target origins. `top` and `frames[i]` cannot be redefined: what is sent through them needs the target `*`.
 */
function show(context: Context, window: Any, isForeign: boolean): Any {
  if (!window || typeof window !== "object" || plain.has(window)) return window;
  const known = shown.get(window);
  if (known) return known;
  if (!isForeign && !foreign(window)) {
    plain.add(window);
    return window;
  }
  const { map, texts } = context;
  const post = (...args: Any[]) => {
    mapTarget(context, args);
    return apply(window.postMessage, window, args);
  };
  const proxy: Any = new Proxy(window, {
    get(_, name) {
      if (name === "postMessage") return post;
      if (name === "self" || name === "window") return proxy;
      if (name === "location") return place(context, window.location);
      const value = window[name];
      return typeof value === "function" && !getOwnPropertyDescriptor(value, "prototype")
        ? value.bind(window)
        : value;
    },
    set(_, name, value) {
      window[name] = name === "location" ? texts.value(value, map.toView) : value;
      return true;
    },
  });
  shown.set(window, proxy);
  return proxy;
}

/** Another site's `location` can only be written: it has `href` and `replace`. */
function place({ map, texts }: Context, location: Any): Any {
  const toView = (url: Any) => texts.value(url, map.toView);
  return new Proxy(location, {
    get(_, name) {
      const value = location[name];
      if (name === "replace" || name === "assign") return (url: Any) => apply(value, location, [toView(url)]);
      return typeof value === "function" ? value.bind(location) : value;
    },
    set(_, name, value) {
      location[name] = name === "href" ? toView(value) : value;
      return true;
    },
  });
}

/** `(message, origin, transfer)` or `(message, { targetOrigin })`; `*` and `/` are no addresses and stay. */
function mapTarget({ map, texts }: Context, args: Any[]): void {
  const target = args[1];
  if (target && typeof target === "object" && target.targetOrigin !== undefined)
    args[1] = { ...target, targetOrigin: map.toView(String(target.targetOrigin)) };
  else if (typeof target === "string") args[1] = texts.value(target, map.toView);
}

function hookWindows(context: Context): void {
  const { realm, map, texts } = context;
  for (const type of ["HTMLIFrameElement", "HTMLFrameElement", "HTMLObjectElement"]) {
    const prototype = realm[type]?.prototype;
    accessor(prototype, "contentWindow", {
      read(window, frame) {
        const isForeign = expectsForeign(context, frame);
        if (!isForeign) context.reach(window);
        return show(context, window, isForeign);
      },
    });
    accessor(prototype, "contentDocument", {
      read(document) {
        context.reach(document?.defaultView);
        return document;
      },
    });
  }
  for (const name of ["parent", "opener"])
    accessor(realm, name, { read: (window) => show(context, window, false) });

  method(
    realm,
    "open",
    (args) => {
      if (args.length) args[0] = texts.value(args[0], map.toView);
    },
    (window, _, args) => {
      const url = String(args[0] ?? "");
      const isForeign = /^(?:https?:)?\/\//i.test(url) && !`${url}/`.startsWith(`${map.view}/`);
      if (!isForeign) context.reach(window);
      // The first `about:blank` of a window tells nobody where it is sent (`navigate` stays silent): pages open it empty,
      // and set its `location` when they know.
      return show(context, window, isForeign || /^(?:about:blank)?(?:[?#]|$)/i.test(url));
    },
  );
  method(realm.Document?.prototype, "open", (args) => {
    if (args.length > 2) args[0] = texts.value(args[0], map.toView);
  });

  method(realm, "postMessage", (args) => mapTarget(context, args));
  accessor(realm.MessageEvent?.prototype, "origin", {
    // Pages compare the origin of their own messages with `location.origin`, which is the view host's.
    read: (origin) => (origin === map.view ? origin : texts.read(origin)),
  });
  accessor(realm.MessageEvent?.prototype, "source", {
    read: (window: Any) => (isPort(realm, window) ? window : show(context, window, false)),
  });
}

const isPort = (realm: Any, source: Any) =>
  !source ||
  guard(() => source instanceof (realm.MessagePort as Fn) || source instanceof realm.ServiceWorker, false);
