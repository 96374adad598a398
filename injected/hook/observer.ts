// The net below all other hooks: absolute URLs that reached the document unmapped are mapped there.

import { type Any, apply, guard, natives } from "../natives";
import { attributeValue } from "./element";
import { isFrame, reachFrames } from "./frame";
import { type Context, construction, method } from "./replace";
import { URL_ATTRIBUTES } from "./urls";

const FILTER = [...new Set(Object.values(URL_ATTRIBUTES).flatMap((attributes) => Object.keys(attributes)))];
const observed = new WeakSet<Any>();

export function observe(context: Context, root: Any): void {
  if (!root || observed.has(root)) return;
  observed.add(root);
  const observer = new natives.MutationObserver((records) => {
    for (const { type, target, attributeName, addedNodes } of records as Any[]) {
      if (type === "attributes") guard(() => fix(context, target, attributeName), undefined);
      else for (const node of addedNodes) guard(() => sweep(context, node), undefined);
    }
  });
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: FILTER });
}

export function hookShadowRoots(context: Context): void {
  method(context.realm.Element?.prototype, "attachShadow", undefined, (root) => {
    observe(context, root);
    return root;
  });
}

/** What Lado draws over the page is no change of the page. */
export function hookMutations({ realm }: Context): void {
  const ours = (node: Any) => node.localName === "lado-overlay";
  const pages = (records: Any[]) =>
    records.filter(({ target, addedNodes, removedNodes }) => {
      const nodes = [...addedNodes, ...removedNodes];
      return !ours(target) && !(nodes.length && nodes.every(ours));
    });
  construction(realm, "MutationObserver", (args) => {
    const [callback] = args;
    if (typeof callback !== "function") return;
    args[0] = function (this: Any, records: Any[], observer: Any) {
      const kept = guard(() => pages(records), records);
      if (kept.length) apply(callback, this, [kept, observer]);
    };
  });
  method(realm.MutationObserver?.prototype, "takeRecords", undefined, pages);
}

function sweep(context: Context, node: Any): void {
  if (node.nodeType !== 1) return;
  // While the document loads, what is added has just been mapped by Lado, or by hooks; the parser adds one by one.
  if (context.realm.document.readyState === "loading") {
    if (isFrame(node)) reachFrames(context, node);
    return;
  }
  reachFrames(context, node);
  for (const element of [node, ...natives.getElementsByTagName(node, "*")])
    for (const { name } of [...element.attributes]) fix(context, element, name);
}

function fix(context: Context, element: Any, name: string): void {
  // A new srcdoc would load the frame anew.
  if (name === "srcdoc" || !FILTER.includes(name)) return;
  const value = natives.getAttribute(element, name);
  if (value === null) return;
  const next = attributeValue(context, element, name, value);
  if (next === value) return;
  if (name.startsWith("xlink:")) natives.setAttributeNS(element, "http://www.w3.org/1999/xlink", name, next);
  else natives.setAttribute(element, name, next);
}
