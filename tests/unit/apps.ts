// Serves the apps to a test's browser without any server: documents and bundles by page.route, the rest by the test.

import type { Page } from "@playwright/test";
import { appDocument, bundleApp } from "../../web/build.mjs";

export const CONSOLE = "http://lado.localhost:7070";
export const VIEWER = "http://aaaaaaaaaaaaaaaa-viewer.view.localhost:7070";

const APPS = {
  console: { name: "console", base: "/assets/" },
  join: { name: "join", base: "/assets/" },
  panel: { name: "panel", base: "/assets/" },
  viewer: { name: "viewer", base: "/__lado/" },
};

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws:;";
const VIEWER_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; media-src 'self'; connect-src 'self' ws:;";

type Built = { document: string; files: Map<string, { bytes: Buffer; type: string }> };
const built = new Map<string, Promise<Built>>();

async function make(app: keyof typeof APPS): Promise<Built> {
  const files = await bundleApp(APPS[app]);
  return {
    document: appDocument(APPS[app], files),
    files: new Map(files.map(({ name, bytes, type }) => [name, { bytes: Buffer.from(bytes), type }])),
  };
}

/** Answers for one app on an origin, at the paths that `documents` matches. */
export async function serve(
  page: Page,
  app: keyof typeof APPS,
  origin: string,
  documents: (path: string) => boolean,
): Promise<void> {
  let made = built.get(app);
  if (!made) {
    made = make(app);
    built.set(app, made);
  }
  const { document, files } = await made;
  await page.route(
    (url) => url.origin === origin,
    async (route) => {
      const { pathname } = new URL(route.request().url());
      const file = files.get(pathname.split("/").at(-1) ?? "");
      if (file) return route.fulfill({ body: file.bytes, contentType: file.type });
      if (!documents(pathname)) return route.fallback();
      const policy = app === "viewer" ? VIEWER_POLICY : `${POLICY} frame-src http://*.view.localhost:7070`;
      await route.fulfill({
        body: document,
        contentType: "text/html; charset=utf-8",
        headers: { "content-security-policy": policy },
      });
    },
  );
}
