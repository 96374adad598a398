// Worker, SharedWorker, importScripts, worklets, and the service workers that a session does not have.

import { type Any, apply, natives } from "../natives";
import { argument, type Context, construction, method, replaceMethod } from "./replace";

export function hookWorkers({ realm, map, texts, boot }: Context): void {
  const toView = (value: Any) => texts.value(value, map.toView);
  /** Script's URL → the URL of its wrapper: a SharedWorker is known by its URL. */
  const wrappers = new Map<string, string>();
  /** What the page's object URLs stand for: a policy that takes a worker's blob may take no second one in it. */
  const blobs = new Map<string, Blob>();

  /** Lado puts the hooks in front of scripts that it serves; scripts made in the page get them here. */
  function wrap(url: string, module: boolean): string {
    if (!/^(?:blob|data):/i.test(url)) return map.toView(url);
    let wrapper = wrappers.get(url);
    if (!wrapper) {
      // Data URLs have an opaque origin, whose requests carry no cookie: Lado would refuse them.
      const script = /^data:/i.test(url) ? decodeData(url) : blobs.get(url);
      const hooks = JSON.stringify(map.view + (boot.worker ?? "/__lado/worker.js"));
      const rest =
        script ?? (module ? `import ${JSON.stringify(url)}` : `importScripts(${JSON.stringify(url)})`);
      const source = [module ? `import ${hooks};` : load(hooks), rest];
      wrapper = natives.createObjectURL(new natives.Blob(source, { type: "text/javascript" }));
      wrappers.set(url, wrapper);
    }
    return wrapper;
  }

  for (const name of ["Worker", "SharedWorker"]) {
    construction(realm, name, (args) => {
      if (args.length) args[0] = texts.value(args[0], (url) => wrap(url, args[1]?.type === "module"));
    });
  }
  method(realm.URL, "createObjectURL", undefined, (url, _, [object]) => {
    // A MediaSource is no Blob.
    if ("size" in object) blobs.set(url, object);
    return url;
  });
  replaceMethod(realm.URL, "revokeObjectURL", (native) => {
    const { hook } = {
      hook(this: Any, ...args: Any[]) {
        blobs.delete(args[0]);
        // The wrapper has yet to load it. Ten seconds: a worker starts its script long before.
        if (wrappers.delete(args[0])) natives.setTimeout(() => apply(native, this, args), 10_000);
        else apply(native, this, args);
      },
    };
    return hook;
  });
  method(realm, "importScripts", (args) => {
    for (const [i, url] of args.entries()) args[i] = toView(url);
  });
  method(realm.Worklet?.prototype, "addModule", argument(0, toView));

  const container = realm.ServiceWorkerContainer?.prototype;
  const answer = (name: string, result: () => Promise<Any>) =>
    replaceMethod(container, name, () => ({ hook: () => result() }).hook);
  answer("register", async () => {
    throw new realm.DOMException("Service workers are not available here.", "SecurityError");
  });
  answer("getRegistrations", async () => []);
  answer("getRegistration", async () => undefined);
}

/** The worker of a page under Trusted Types is under them, too. */
const load = (script: string) =>
  `importScripts(self.trustedTypes?.createPolicy("lado-worker",{createScriptURL:s=>s}).createScriptURL(${script})??${script});`;

function decodeData(url: string): Blob {
  const comma = url.indexOf(",");
  const body = decodeURIComponent(url.slice(comma + 1));
  const bytes = /;\s*base64\s*$/i.test(url.slice(0, comma))
    ? Uint8Array.from(atob(body), (c) => c.charCodeAt(0))
    : body;
  return new natives.Blob([bytes], { type: "text/javascript" });
}
