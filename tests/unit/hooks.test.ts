// The hooks in a real browser: two sites on view hosts, pages that use every API with the sites' own addresses.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { build } from "esbuild";

const SESSION = "aaaaaaaaaaaaaaaa";
const SHOP = "https://www.shop.com";
const CDN = "https://cdn.shop.net";

let port = 0;
let server: Server;
let page: Page;
let context: BrowserContext;
/** What reached the view domain, as `label path`, with the bodies of POSTs. */
let seen: string[] = [];
/** Requests that left the view domain. */
let escaped: string[] = [];
let bundles: Record<string, string> = {};

const label = (site: string) => new URL(site).host.replaceAll("-", "--").replaceAll(".", "-");
const view = (site: string) => `http://${SESSION}-${label(site)}.view.localhost:${port}`;

const boot = (site: string) =>
  JSON.stringify({
    version: 1,
    session: SESSION,
    site,
    view: { scheme: "http", domain: `view.localhost:${port}` },
    console: `http://lado.localhost:${port}`,
    panel: "",
    registrable: "shop.com",
    aliases: {},
    late: "/__lado/late.js",
    rules: { mask: [], unmask: [], lock: [], names: [], detectors: [] },
    text: {},
  });

async function bundle(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: "injected", loader: "ts" },
    bundle: true,
    write: false,
    minify: true,
    target: "es2022",
    format: "iife",
  });
  return outputFiles[0]?.text ?? "";
}

/** Pages of the two sites, by path; the body goes behind the injected script. */
const PAGES: Record<string, string> = {
  "/": "<body><p>Loja</p>",
  "/frame": `<body><script>
    addEventListener("message", (e) => e.source.postMessage({ from: e.origin, data: e.data }, e.origin));
    parent.postMessage("ready", "${SHOP}");
  </script>`,
  "/typed": "<body>",
  "/parent": `<body><script>parent.location.href = "${SHOP}/from-frame"</script>`,
};
const SCRIPTS: Record<string, string> = {
  "/worker.js": `fetch("${CDN}/from-worker").then((r) => postMessage([r.url, location.href, self.origin]))`,
  "/lib.js": "self.lib = (self.lib ?? 0) + 1",
  "/module.js": "export {}; self.lib = 1",
};

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const host = request.headers.host ?? "";
  const name = host.slice(SESSION.length + 1).split(".")[0] ?? "";
  const site = [SHOP, CDN].find((site) => label(site) === name);
  const url = new URL(request.url ?? "/", "http://x");
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  if (!site) return void response.writeHead(421).end();
  const configured = `const LADO_BOOT=${boot(site)};`;
  response.setHeader("access-control-allow-origin", request.headers.origin ?? "*");
  response.setHeader("access-control-allow-credentials", "true");
  const send = (type: string, text: string) => response.setHeader("content-type", type).end(text);
  if (url.pathname === "/__lado/boot.js")
    return void send("text/javascript", `(()=>{${configured}${bundles.page}})()`);
  if (url.pathname === "/__lado/worker.js")
    return void send("text/javascript", `(()=>{${configured}${bundles.worker}})()`);
  if (url.pathname === "/__lado/alias") return void send("application/json", '{"label":"0aabcdefghij"}');
  seen.push(`${request.method} ${site}${request.url}${body && ` ${body}`}`);
  const script = SCRIPTS[url.pathname];
  if (script) {
    const front = /worker/.test(request.headers["sec-fetch-dest"] as string)
      ? 'importScripts("/__lado/worker.js");'
      : "";
    return void send("text/javascript", front + script);
  }
  if (url.pathname === "/style.css") return void send("text/css", "p{color:red}");
  if (url.pathname === "/events") return void send("text/event-stream", "data: hello\n\n");
  if (url.pathname === "/typed")
    response.setHeader("content-security-policy", "require-trusted-types-for 'script'; trusted-types page");
  const markup = PAGES[url.pathname] ?? "<body>";
  send("text/html; charset=utf-8", `<!doctype html><script src="/__lado/boot.js"></script>${markup}`);
}

test.beforeAll(async () => {
  bundles = {
    page: await bundle(
      'import {boot} from "./boot";import {installHooks} from "./hook/install";installHooks(boot,window)',
    ),
    worker: await bundle('import "./worker"'),
  };
  server = createServer((request, response) => void answer(request, response));
  server.on("upgrade", (request, socket) => {
    seen.push(`WS ${request.headers.host?.slice(SESSION.length + 1).split(".")[0]}${request.url}`);
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  port = (server.address() as AddressInfo).port;
});
test.afterAll(() => server.close());

test.beforeEach(async ({ browser }) => {
  seen = [];
  escaped = [];
  context = await browser.newContext();
  await context.route(
    (url) => /^(?:http|ws)/.test(url.protocol) && !url.host.endsWith(`.view.localhost:${port}`),
    (route) => {
      escaped.push(route.request().url());
      return route.abort();
    },
  );
  page = await context.newPage();
  await page.goto(`${view(SHOP)}/`);
});
test.afterEach(async () => {
  await context.close();
  expect(escaped, "requests that left the view domain").toEqual([]);
});

test("requests of scripts go to the view, and answer with the site's addresses", async () => {
  const result = await page.evaluate(async (cdn) => {
    const xhr = new XMLHttpRequest();
    xhr.open("GET", `${cdn}/xhr`);
    await new Promise((done) => {
      xhr.onload = done;
      xhr.send();
    });
    const request = new Request(`${cdn}/request`, { method: "POST", body: "x" });
    const source = new EventSource(`${cdn}/events`);
    const hello = await new Promise<MessageEvent>((done) => {
      source.onmessage = done;
    });
    source.close();
    const socket = new WebSocket(`${cdn.replace("http", "ws")}/socket`);
    await new Promise((done) => {
      socket.onerror = done;
    });
    navigator.sendBeacon(`${cdn}/beacon`, "b");
    const own = await fetch("/relative", { credentials: "omit" });
    const fetched = await fetch(new URL(`${cdn}/fetch`));
    // An entry comes with the end of the body, some time after its reader has it.
    await fetched.text();
    const entry = () => performance.getEntriesByName(`${cdn}/fetch`)[0]?.name;
    while (!entry()) await new Promise((done) => setTimeout(done, 10));
    return {
      xhr: xhr.responseURL,
      request: request.url,
      requested: (await fetch(request)).url,
      event: [hello.data, hello.origin, source.url],
      socket: [socket.url, socket instanceof WebSocket, WebSocket.OPEN],
      own: own.url,
      fetched: fetched.url,
      entry: entry(),
      transport: "WebTransport" in window,
    };
  }, CDN);
  expect(result).toEqual({
    xhr: `${CDN}/xhr`,
    request: `${CDN}/request`,
    requested: `${CDN}/request`,
    event: ["hello", CDN, `${CDN}/events`],
    socket: ["wss://cdn.shop.net/socket", true, 1],
    own: `${SHOP}/relative`,
    fetched: `${CDN}/fetch`,
    entry: `${CDN}/fetch`,
    transport: false,
  });
  expect(seen).toContain(`POST ${CDN}/request x`);
  expect(seen).toContain(`POST ${CDN}/beacon b`);
  expect(seen).toContain("WS cdn-shop-net/socket");
});

test("the document knows its site's address", async () => {
  await page.evaluate((cdn) => {
    location.href = `${cdn}/next?x=1#y`;
  }, CDN);
  await page.waitForURL(`${view(CDN)}/next?x=1#y`);
  const result = await page.evaluate(() => ({
    url: document.URL,
    uri: document.documentURI,
    base: document.baseURI,
    domain: document.domain,
    referrer: document.referrer,
    origin: window.origin,
  }));
  expect(result).toEqual({
    url: `${CDN}/next?x=1#y`,
    uri: `${CDN}/next?x=1#y`,
    base: `${CDN}/next?x=1#y`,
    domain: "cdn.shop.net",
    referrer: `${SHOP}/`,
    // As `location.origin` is, with which pages compare it.
    origin: view(CDN),
  });
});

test("attributes hold the view's address and read as they were written", async () => {
  const result = await page.evaluate((cdn) => {
    const out: Record<string, unknown> = {};
    const make = (tag: string) => document.createElement(tag) as HTMLElement & Record<string, string>;
    const [img, link, form, script, video] = ["img", "a", "form", "script", "video"].map(make);
    if (!img || !link || !form || !script || !video) throw new Error("no elements");
    img.src = `${cdn}/a.png`;
    img.srcset = `${cdn}/b.png 1x, //cdn.shop.net/c,d.png 2x, /e.png 3x`;
    img.setAttribute("style", `background: url("${cdn}/f.png")`);
    link.setAttribute("HREF", `${cdn}/path?q#h`);
    form.action = `${cdn}/do`;
    script.setAttribute("src", "//cdn.shop.net/x.js");
    video.poster = `${cdn}/p.png`;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttributeNS("http://www.w3.org/1999/xlink", "xlink:href", `${cdn}/i.svg#a`);
    document.body.append(img, link);
    out.img = [img.src, img.getAttribute("src"), img.srcset, img.getAttribute("style")];
    out.link = [link.href, link.getAttribute("href"), String(link), link.host, link.origin, link.protocol];
    out.rest = [form.action, script.src, script.getAttribute("src"), video.poster];
    out.svg = [svg.href.baseVal, svg.getAttributeNS("http://www.w3.org/1999/xlink", "href")];
    out.outer = link.outerHTML;
    out.found = document.querySelectorAll(`a[href^="${cdn}/path"]`).length;
    link.hostname = "www.shop.com";
    out.moved = [link.href, link.hostname === location.hostname];
    out.attr = link.getAttributeNode("href")?.value;
    return out;
  }, CDN);
  expect(result).toEqual({
    img: [
      `${CDN}/a.png`,
      `${CDN}/a.png`,
      `${CDN}/b.png 1x, //cdn.shop.net/c,d.png 2x, /e.png 3x`,
      `background: url("${CDN}/f.png")`,
    ],
    link: [`${CDN}/path?q#h`, `${CDN}/path?q#h`, `${CDN}/path?q#h`, "cdn.shop.net", CDN, "https:"],
    rest: [`${CDN}/do`, `${CDN}/x.js`, "//cdn.shop.net/x.js", `${CDN}/p.png`],
    svg: [`${CDN}/i.svg#a`, `${CDN}/i.svg#a`],
    outer: `<a href="${CDN}/path?q#h"></a>`,
    found: 1,
    moved: [`${SHOP}/path?q#h`, true],
    attr: `${SHOP}/path?q#h`,
  });
  await expect.poll(() => seen).toContain(`GET ${CDN}/f.png`);
});

test("HTML given as text is mapped in place and reads back the same", async () => {
  const html = `<a href='${CDN}/1' title="https://x">1</a><img src=${CDN}/2.png alt="a>b"><!-- <img src="${CDN}/no"> --><style>p{background:url(${CDN}/3.png)}</style><textarea><img src="${CDN}/no2"></textarea><p style="background:url(&quot;${CDN}/4.png&quot;)">x</p><img src="https:&#x2F;&#x2F;cdn.shop.net&#x2F;5.png">`;
  const result = await page.evaluate(
    ([cdn, html = ""]) => {
      const out: Record<string, unknown> = {};
      const div = document.createElement("div");
      document.body.append(div);
      div.innerHTML = html;
      out.text = div.innerHTML;
      out.links = [...div.querySelectorAll("a, img")].map(
        (e) => (e as HTMLAnchorElement).href ?? e.getAttribute("src"),
      );
      div.insertAdjacentHTML(
        "beforeend",
        `<link rel=stylesheet integrity="sha256-x" href="${cdn}/style.css">`,
      );
      document.body.append(document.createRange().createContextualFragment(`<img src="${cdn}/6.png">`));
      const parsed = new DOMParser().parseFromString(`<img src="${cdn}/7.png">`, "text/html");
      document.body.append(parsed.images[0] ?? "");
      const template = document.createElement("template");
      template.innerHTML = `<img src="${cdn}/8.png">`;
      document.body.append(template.content.cloneNode(true));
      div.setHTMLUnsafe(`${div.innerHTML}<img src="${cdn}/9.png">`);
      return out;
    },
    [CDN, html],
  );
  expect(result.links).toEqual([`${CDN}/1`, `${CDN}/2.png`, `${CDN}/5.png`]);
  expect(result.text).toContain(`<a href="${CDN}/1" title="https://x">`);
  expect(result.text).toContain(`p{background:url(${CDN}/3.png)}`);
  for (const path of ["2.png", "3.png", "5.png", "6.png", "7.png", "8.png", "9.png", "style.css"])
    await expect.poll(() => seen, path).toContain(`GET ${CDN}/${path}`);
  expect(seen.join()).not.toContain("/no");
});

test("document.write takes tags in pieces", async () => {
  await page.evaluate((cdn) => {
    document.open();
    document.write("<title>x</title><im", `g src="${cdn}/w1.png">`, "<script>var s = '<img src=x>'");
    document.write(`</${"script"}><img src="${cdn}/w2.png"><p>`);
    document.writeln(`<img src='${cdn}/w3.png`, "'>");
    document.close();
  }, CDN);
  for (const path of ["w1", "w2", "w3"]) await expect.poll(() => seen).toContain(`GET ${CDN}/${path}.png`);
  // The hooks outlive document.open.
  await page.evaluate((cdn) => fetch(`${cdn}/after`), CDN);
});

test("style sheets made by scripts load from the view", async () => {
  const result = await page.evaluate((cdn) => {
    document.body.innerHTML = "<p class=a>a<p class=b>b<p class=c>c<p class=d>d<p class=e>e<p class=f>f";
    const style = document.createElement("style");
    style.textContent = `.a{background:url(${cdn}/a.png)}`;
    document.head.append(style);
    style.sheet?.insertRule(`.b{background:url("${cdn}/b.png")}`);
    const late = document.createElement("style");
    document.head.append(late);
    late.appendChild(document.createTextNode(`.c{background:url('${cdn}/c.png')}`));
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`.d{background-image:image-set("${cdn}/d.png" 1x, "${cdn}/d2.png" 2x)}`);
    document.adoptedStyleSheets = [sheet];
    const [, , , , e, f] = document.querySelectorAll("p");
    e?.style.setProperty("background", `url(${cdn}/e.png)`);
    if (f) f.style.backgroundImage = `url(${cdn}/f.png)`;
    new FontFace("x", `url(${cdn}/font.woff)`).load().catch(() => {});
    return [
      style.textContent,
      style.sheet?.cssRules[0]?.cssText,
      e?.style.getPropertyValue("background-image"),
    ];
  }, CDN);
  expect(result).toEqual([
    `.a{background:url(${CDN}/a.png)}`,
    `.b { background: url("${CDN}/b.png"); }`,
    `url("${CDN}/e.png")`,
  ]);
  for (const path of ["a.png", "b.png", "c.png", "d.png", "e.png", "f.png", "font.woff"])
    await expect.poll(() => seen, path).toContain(`GET ${CDN}/${path}`);
});

test("navigations stay in the view, with the bodies of forms", async () => {
  await page.evaluate((cdn) => {
    // Past the attribute hooks on purpose: through a form whose action only the navigation shows.
    document.body.innerHTML = `<form method=post action="/same"><input name=a value="1 ü"><textarea name=b>x
y</textarea><button name=c value=3>go</button></form>`;
    const form = document.forms[0] as HTMLFormElement;
    const raw = form.getAttributeNode("action") as Attr;
    raw.nodeValue = `${cdn}/posted`;
    form.querySelector("button")?.click();
  }, CDN);
  await page.waitForURL(`${view(CDN)}/posted`);
  expect(seen).toContain(`POST ${CDN}/posted a=1+%C3%BC&b=x%0D%0Ay&c=3`);
  await page.evaluate((shop) => location.replace(`${shop}/replaced`), SHOP);
  await page.waitForURL(`${view(SHOP)}/replaced`);
  await page.evaluate((shop) => history.pushState({}, "", `${shop}/pushed`), SHOP);
  expect(page.url()).toBe(`${view(SHOP)}/pushed`);
  const refused = await page.evaluate((cdn) => {
    try {
      history.pushState({}, "", `${cdn}/x`);
    } catch (error) {
      return (error as Error).name;
    }
  }, CDN);
  expect(refused).toBe("SecurityError");
  const popup = page.waitForEvent("popup");
  await page.evaluate((cdn) => void window.open(`${cdn}/popup`), CDN);
  await (await popup).waitForURL(`${view(CDN)}/popup`);
  await page.evaluate((cdn) => {
    document.head.innerHTML = `<meta http-equiv="refresh" content="0; url=${cdn}/refreshed">`;
  }, CDN);
  await page.waitForURL(`${view(CDN)}/refreshed`);
});

test("frames made by scripts have the hooks when they are first reached", async () => {
  const result = await page.evaluate(async (cdn) => {
    const out: unknown[] = [];
    const blank = document.createElement("iframe");
    document.body.append(blank);
    const inner = window[0] as Window & typeof globalThis;
    out.push((await inner.fetch(`${cdn}/blank`)).url);
    inner.document.open();
    inner.document.write(`<img src="${cdn}/written.png"><script>fetch("${cdn}/scripted")</${"script"}>`);
    inner.document.close();
    const wait = (frame: HTMLIFrameElement) =>
      new Promise((done) => {
        frame.onload = done;
        document.body.append(frame);
      });
    const doc = document.createElement("iframe");
    doc.srcdoc = `<!doctype html><img src="${cdn}/srcdoc.png"><script>parent.docUrl = new Request("${cdn}/r").url + document.compatMode</${"script"}>`;
    await wait(doc);
    out.push((window as unknown as { docUrl: string }).docUrl, doc.srcdoc.includes("__lado"));
    const blob = document.createElement("iframe");
    blob.src = URL.createObjectURL(
      new Blob([`<script>parent.blobUrl = new Request("${cdn}/r").url</${"script"}>`], { type: "text/html" }),
    );
    await wait(blob);
    out.push((window as unknown as { blobUrl: string }).blobUrl);
    const holder = document.createElement("div");
    holder.innerHTML = "<iframe></iframe>";
    document.body.append(holder);
    out.push(new (window[3] as Window & typeof globalThis).Request(`${cdn}/r`).url);
    const fragment = document.createDocumentFragment();
    fragment.append(document.createElement("iframe"));
    document.body.prepend(fragment);
    out.push(new (window[4] as Window & typeof globalThis).Request(`${cdn}/r`).url);
    return out;
  }, CDN);
  expect(result).toEqual([`${CDN}/blank`, `${CDN}/rCSS1Compat`, false, `${CDN}/r`, `${CDN}/r`, `${CDN}/r`]);
  for (const path of ["written.png", "scripted", "srcdoc.png"])
    await expect.poll(() => seen, path).toContain(`GET ${CDN}/${path}`);
});

test("messages between sites carry the sites' origins", async () => {
  const result = await page.evaluate(async (cdn) => {
    const out: unknown[] = [];
    const frame = document.createElement("iframe");
    frame.src = `${cdn}/frame`;
    const next = () => new Promise<MessageEvent>((done) => addEventListener("message", done, { once: true }));
    const ready = next();
    document.body.append(frame);
    const first = await ready;
    out.push(first.data, first.origin, first.source === frame.contentWindow);
    const reply = next();
    frame.contentWindow?.postMessage("hi", cdn);
    out.push((await reply).data);
    const again = next();
    frame.contentWindow?.postMessage("opts", { targetOrigin: cdn });
    out.push((await again).data.data);
    const own = next();
    window.postMessage("self", location.origin);
    out.push((await own).origin === location.origin);
    const named = next();
    window.postMessage("self", window.origin);
    out.push((await named).data);
    return out;
  }, CDN);
  expect(result).toEqual(["ready", CDN, true, { from: SHOP, data: "hi" }, "opts", true, "self"]);
});

test("a frame of another site sends the page above it to another address", async () => {
  // Through `parent`. `top` cannot be redefined, and the page above gets no navigate event from another origin.
  await page.evaluate((url) => {
    document.body.innerHTML = `<iframe src="${url}"></iframe>`;
  }, `${CDN}/parent`);
  await page.waitForURL(`${view(SHOP)}/from-frame`);
});

test("workers have the hooks, wherever their script comes from", async () => {
  const result = await page.evaluate(async (cdn) => {
    const first = (worker: Worker) =>
      new Promise<unknown[]>((done, fail) => {
        worker.onmessage = (event) => done(event.data);
        worker.onerror = (event) => fail(new Error(event.message));
      });
    const source = `fetch("${cdn}/blobbed").then((r) => postMessage([r.url]))`;
    const url = URL.createObjectURL(new Blob([source]));
    const blob = first(new Worker(url));
    URL.revokeObjectURL(url);
    const module = URL.createObjectURL(new Blob([`${source};export {}`], { type: "text/javascript" }));
    return {
      served: await first(new Worker("/worker.js")),
      blob: await blob,
      module: await first(new Worker(module, { type: "module" })),
      data: await first(new Worker(`data:text/javascript,${encodeURIComponent(source)}`)),
      imported: await first(
        new Worker(URL.createObjectURL(new Blob([`importScripts("${cdn}/lib.js");postMessage([self.lib])`]))),
      ),
      service: await navigator.serviceWorker.register("/sw.js").catch((error) => error.name),
      registrations: await navigator.serviceWorker.getRegistrations(),
    };
  }, CDN);
  expect(result).toEqual({
    served: [`${CDN}/from-worker`, `${SHOP}/worker.js`, SHOP],
    blob: [`${CDN}/blobbed`],
    module: [`${CDN}/blobbed`],
    data: [`${CDN}/blobbed`],
    imported: [1],
    service: "SecurityError",
    registrations: [],
  });
});

test("cookies are the view host's own, with a marker for the jar", async () => {
  await context.addCookies([
    { name: `lado_${SESSION}`, value: "secret", domain: `.view.localhost`, path: "/" },
  ]);
  const result = await page.evaluate(async () => {
    const writes = [
      "a=1; Domain=.shop.com; Path=/; Secure; SameSite=None; Max-Age=600",
      "b=2; HttpOnly",
      "c=3; Domain=com",
      "d=4; Domain=other.com",
      "__lado_wx=1",
      "a=5; Domain=.shop.com; Path=/",
    ];
    // biome-ignore lint/suspicious/noDocumentCookie: this is what is tested
    for (const text of writes) document.cookie = text;
    await cookieStore.set({ name: "e", value: "6" });
    return [document.cookie, (await cookieStore.getAll()).map(({ name }) => name).sort()];
  });
  expect(result).toEqual(["a=5; e=6", ["a", "e"]]);
  const markers = (await context.cookies(view(SHOP)))
    .filter(({ name }) => name.startsWith("__lado_w"))
    .sort((x, y) => (BigInt(x.name.slice(8)) < BigInt(y.name.slice(8)) ? -1 : 1));
  expect(markers.map(({ value }) => decodeURIComponent(value))).toEqual([
    "a=5; Domain=.shop.com; Path=/",
    "e=6; path=/; secure",
  ]);
});

test("the observer maps what no other hook saw", async () => {
  await page.evaluate((cdn) => {
    const link = document.createElement("a");
    document.body.append(link);
    const attribute = document.createAttribute("href");
    attribute.value = `${cdn}/late`;
    link.setAttributeNode(attribute);
    const shadow = document.createElement("div");
    document.body.append(shadow);
    const inner = document.createElement("a");
    shadow.attachShadow({ mode: "closed" }).append(inner);
    const other = document.createAttribute("href");
    other.value = `${cdn}/shadow`;
    inner.setAttributeNode(other);
    Object.assign(window, { late: [link, inner] });
  }, CDN);
  const held = await page.evaluate(() =>
    (window as unknown as { late: Element[] }).late.map((link) => link.attributes[0]?.nodeValue),
  );
  expect(held).toEqual([`${view(CDN)}/late`, `${view(CDN)}/shadow`]);
});

test("replaced functions look and behave like the browser's", async () => {
  const result = await page.evaluate(() => {
    const native = (f: unknown) => /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(f));
    const src = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
    const broken: string[] = [];
    for (const call of [
      () => new (WebSocket as unknown as new () => unknown)(),
      () => Element.prototype.setAttribute.call(null, "a", "b"),
      () => new (Request as unknown as new () => unknown)(),
      () => document.body.appendChild(null as unknown as Node),
    ]) {
      try {
        (call as () => void)();
      } catch (error) {
        broken.push((error as Error).name);
      }
    }
    class Mine extends EventSource {}
    return {
      native: [
        fetch,
        WebSocket,
        Worker,
        Element.prototype.setAttribute,
        src?.set,
        src?.get,
        Function.prototype.toString,
      ].map(native),
      names: [fetch.name, fetch.length, src?.get?.name, XMLHttpRequest.prototype.open.length, WebSocket.name],
      source: fetch.toString(),
      descriptor: [
        src?.enumerable,
        src?.configurable,
        Object.getOwnPropertyDescriptor(window, "fetch")?.enumerable,
      ],
      constructor: [WebSocket.prototype.constructor === WebSocket, new Mine("/events") instanceof Mine],
      unconstructable: (() => {
        try {
          return !new (fetch as unknown as new () => unknown)();
        } catch (error) {
          return (error as Error).name;
        }
      })(),
      broken,
      hidden: Object.keys(window).filter((key) => /lado/i.test(key)),
    };
  });
  expect(result).toEqual({
    native: Array(7).fill(true),
    names: ["fetch", 1, "get src", 2, "WebSocket"],
    source: "function fetch() { [native code] }",
    descriptor: [true, true, true],
    constructor: [true, true],
    unconstructable: "TypeError",
    broken: Array(4).fill("TypeError"),
    hidden: [],
  });
});

test("a page that breaks its own prototypes still works", async () => {
  const result = await page.evaluate(async (cdn) => {
    Element.prototype.getAttribute = () => "broken";
    window.URL = class {} as unknown as typeof URL;
    (window as unknown as { XMLHttpRequest: unknown }).XMLHttpRequest = undefined;
    Object.prototype.toString = () => "broken";
    const img = new Image();
    img.src = `${cdn}/still.png`;
    return [(await fetch(`${cdn}/still`)).url, img.src];
  }, CDN);
  expect(result).toEqual([`${CDN}/still`, `${CDN}/still.png`]);
});

test("a page under trusted types keeps working", async () => {
  await page.goto(`${view(SHOP)}/typed`);
  const result = await page.evaluate((cdn) => {
    type Policy = { createHTML(s: string): string; createScriptURL(s: string): string };
    const types = (window as unknown as { trustedTypes: { createPolicy(n: string, r: object): Policy } })
      .trustedTypes;
    const same = (s: string) => s;
    const policy = types.createPolicy("page", { createHTML: same, createScriptURL: same });
    document.body.innerHTML = policy.createHTML(`<a href="${cdn}/typed">x</a>`);
    let refused = "";
    try {
      document.body.innerHTML = "<b>";
    } catch (error) {
      refused = (error as Error).name;
    }
    return [document.querySelector("a")?.href, refused];
  }, CDN);
  expect(result).toEqual([`${CDN}/typed`, "TypeError"]);
  const held = await page.evaluate(() => document.querySelector("a")?.attributes[0]?.nodeValue);
  expect(held).toBe(`${view(CDN)}/typed`);
});

test("names that do not fit a label get the alias that Lado gives them", async () => {
  const url = await page.evaluate(async () => {
    const link = document.createElement("a");
    link.href = "http://[::1]:81/x";
    return [link.href, link.attributes[0]?.nodeValue];
  });
  expect(url).toEqual(["http://[::1]:81/x", `http://${SESSION}-0aabcdefghij.view.localhost:${port}/x`]);
});
