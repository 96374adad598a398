// Generated from rules/urls.toml by `LADO_WRITE=1 cargo test -q url_attributes`. Do not edit.

export type UrlKind = "url" | "urls" | "srcset" | "css" | "html" | "refresh" | "animated";

/** Tag (lower case, or "*" for every element) → attribute → how URLs stand in it. */
export const URL_ATTRIBUTES: Record<string, Record<string, UrlKind>> = {
  "*": {
    "clip-path": "css",
    cursor: "css",
    fill: "css",
    filter: "css",
    "marker-end": "css",
    "marker-mid": "css",
    "marker-start": "css",
    mask: "css",
    stroke: "css",
    style: "css",
  },
  a: {
    href: "url",
    ping: "urls",
    "xlink:href": "url",
  },
  animate: {
    from: "animated",
    href: "url",
    to: "animated",
    values: "animated",
    "xlink:href": "url",
  },
  animatemotion: {
    href: "url",
    "xlink:href": "url",
  },
  animatetransform: {
    href: "url",
    "xlink:href": "url",
  },
  applet: {
    codebase: "url",
  },
  area: {
    href: "url",
    ping: "urls",
  },
  audio: {
    src: "url",
  },
  base: {
    href: "url",
  },
  blockquote: {
    cite: "url",
  },
  body: {
    background: "url",
  },
  button: {
    formaction: "url",
  },
  del: {
    cite: "url",
  },
  discard: {
    href: "url",
  },
  embed: {
    src: "url",
  },
  feimage: {
    href: "url",
    "xlink:href": "url",
  },
  filter: {
    href: "url",
    "xlink:href": "url",
  },
  form: {
    action: "url",
  },
  frame: {
    longdesc: "url",
    src: "url",
  },
  html: {
    manifest: "url",
  },
  iframe: {
    allow: "urls",
    longdesc: "url",
    src: "url",
    srcdoc: "html",
  },
  image: {
    href: "url",
    "xlink:href": "url",
  },
  img: {
    attributionsrc: "urls",
    dynsrc: "url",
    longdesc: "url",
    lowsrc: "url",
    src: "url",
    srcset: "srcset",
  },
  input: {
    formaction: "url",
    src: "url",
  },
  ins: {
    cite: "url",
  },
  lineargradient: {
    href: "url",
    "xlink:href": "url",
  },
  link: {
    href: "url",
    imagesrcset: "srcset",
  },
  meta: {
    content: "refresh",
  },
  mpath: {
    href: "url",
    "xlink:href": "url",
  },
  object: {
    codebase: "url",
    data: "url",
  },
  pattern: {
    href: "url",
    "xlink:href": "url",
  },
  portal: {
    src: "url",
  },
  q: {
    cite: "url",
  },
  radialgradient: {
    href: "url",
    "xlink:href": "url",
  },
  script: {
    href: "url",
    src: "url",
    "xlink:href": "url",
  },
  set: {
    href: "url",
    to: "animated",
    "xlink:href": "url",
  },
  source: {
    src: "url",
    srcset: "srcset",
  },
  table: {
    background: "url",
  },
  tbody: {
    background: "url",
  },
  td: {
    background: "url",
  },
  textpath: {
    href: "url",
    "xlink:href": "url",
  },
  tfoot: {
    background: "url",
  },
  th: {
    background: "url",
  },
  thead: {
    background: "url",
  },
  tr: {
    background: "url",
  },
  track: {
    src: "url",
  },
  use: {
    href: "url",
    "xlink:href": "url",
  },
  video: {
    poster: "url",
    src: "url",
  },
};
