// What of a page may reach the stage: tags, attributes and addresses, by allow-list. Lado has sorted out the rest
// already; here it is sorted out once more, next to the DOM.

export const HTML = "http://www.w3.org/1999/xhtml";
export const SVG = "http://www.w3.org/2000/svg";
export const MATHML = "http://www.w3.org/1998/Math/MathML";
export const XLINK = "http://www.w3.org/1999/xlink";

/** Stands for an element that may not be in the stage; it keeps the place, the id and the children, unseen. */
export const VOID = "lado-void";

const words = (text: string) => new Set(text.trim().split(/\s+/));

// Of meta, only which colours the page can be shown in.
// Not here on purpose: script, noscript, base, object, embed, applet, frame, frameset, portal, fencedframe.
const HTML_TAGS = words(`
  html head title link style body meta
  address article aside footer header h1 h2 h3 h4 h5 h6 hgroup main nav section search
  blockquote dd div dl dt figcaption figure hr li menu ol p pre ul center dir
  a abbr b bdi bdo br cite code data dfn em i kbd mark q rp rt ruby s samp small span strong sub sup time u var wbr
  acronym big font nobr strike tt marquee blink
  area audio img map track video picture source canvas iframe
  del ins caption col colgroup table tbody td tfoot th thead tr
  button datalist fieldset form input label legend meter optgroup option output progress select textarea
  selectedcontent details dialog summary slot template
`);

// Not here: script, and the animations, which can change an address after it was checked.
const SVG_TAGS = words(`
  svg g defs symbol use title desc metadata style a switch view
  path rect circle ellipse line polyline polygon text tspan textPath image foreignObject marker
  linearGradient radialGradient stop pattern clipPath mask filter
  feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap
  feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage feMerge feMergeNode
  feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence
`);

const MATHML_TAGS = words(`
  math annotation maction menclose merror mfenced mfrac mglyph mi mmultiscripts mn mo mover mpadded mphantom mprescripts
  mroot mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none semantics
`);

// Attributes that say how something looks or what it is. No handlers, no addresses (see `address`), nothing that sends,
// opens or downloads.
const ATTRIBUTES = words(`
  abbr accept align alt autocapitalize autocomplete axis bgcolor border bordercolor
  cellpadding cellspacing char charoff checked class clear color cols colspan compact contenteditable controls coords datetime
  dir dirname disabled draggable encoding enterkeyhint exportparts face for frame frameborder headers height hidden high
  hreflang hspace id inert inputmode is ismap itemid itemprop itemref itemscope itemtype kind label lang language
  link list loop low marginheight marginwidth max maxlength media min minlength multiple muted name
  noshade novalidate nowrap open optimum part pattern placeholder playsinline popover preload readonly rel required rev
  reversed role rows rowspan rules scheme scope scrolling selected shape size sizes slot span spellcheck start
  step style summary tabindex text title translate type usemap valign value valuetype version vlink vspace width wrap
  theme variant state mode color-scheme
  accent-height alignment-baseline amplitude ascent azimuth baseFrequency baseline-shift bias clip clip-path clip-rule
  clipPathUnits color-interpolation color-interpolation-filters cx cy d diffuseConstant direction display divisor
  dominant-baseline dx dy edgeMode elevation exponent fill fill-opacity fill-rule filter filterUnits flood-color
  flood-opacity font font-family font-size font-size-adjust font-stretch font-style font-variant font-weight fr fx fy
  g1 g2 glyph-name gradientTransform gradientUnits image-rendering in in2 intercept k k1 k2 k3 k4 kernelMatrix
  kernelUnitLength kerning lengthAdjust letter-spacing lighting-color limitingConeAngle marker-end marker-mid
  marker-start markerHeight markerUnits markerWidth mask mask-type maskContentUnits maskUnits mix-blend-mode numOctaves
  offset opacity operator order orient orientation origin overflow paint-order path pathLength patternContentUnits
  patternTransform patternUnits pointer-events points pointsAtX pointsAtY pointsAtZ preserveAlpha preserveAspectRatio
  primitiveUnits r radius refX refY result rotate rx ry scale seed shape-rendering side slope specularConstant
  specularExponent spreadMethod startOffset stdDeviation stitchTiles stop-color stop-opacity stroke stroke-dasharray
  stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width surfaceScale
  systemLanguage tableValues targetX targetY text-anchor text-decoration text-rendering textLength transform
  transform-origin unicode-bidi vector-effect viewBox visibility word-spacing writing-mode x x1 x2 xChannelSelector
  xmlns xml:lang xml:space y y1 y2 yChannelSelector z zoomAndPan
  accent accentunder bevelled columnalign columnlines columnspacing columnspan denomalign depth displaystyle fence
  framespacing largeop linethickness lspace mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits
  notation numalign rowalign rowlines rowspacing rspace scriptlevel scriptminsize scriptsizemultiplier selection
  separator separators stretchy subscriptshift supscriptshift symmetric voffset
`);
const LOWER = new Set([...ATTRIBUTES].map((name) => name.toLowerCase()));

// Custom names: data-*, aria-*, and the marks by which frameworks scope their style sheets.
const PREFIXED = /^(data-|aria-|_ng(content|host)-|ng-version$|v-cloak$|svelte-|astro-cid-)/;
const CUSTOM_TAG = /^[a-z][^\s/>\0A-Z]*-[^\s/>\0A-Z]*$/;
// Attributes of custom elements are styled by their shadow roots (:host([variant=primary])). None of these is read by
// the browser itself, but handlers and everything that looks like an address stay out all the same.
const CUSTOM_ATTRIBUTE = /^(?!on)[a-z][a-z0-9._-]*$/;
const ADDRESS_NAME =
  /(^|[-_.])(src|srcset|srcdoc|href|action|formaction|url|uri|data|ping|poster|background|cite|target|manifest)$/;

const CAPABILITY = /^\/__lado\/a\/[A-Za-z0-9_-]+$/;
const INLINE_IMAGE =
  /^data:image\/(png|jpeg|jpg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon|svg\+xml)[;,]/i;

/** The tag to create instead: itself, or [`VOID`]. */
export function tag(namespace: string, name: string): string {
  if (namespace === HTML)
    return HTML_TAGS.has(name) || (CUSTOM_TAG.test(name) && name.length < 200) ? name : VOID;
  if (namespace === SVG) return SVG_TAGS.has(name) ? name : VOID;
  return MATHML_TAGS.has(name) ? name : VOID;
}

/** The value that an attribute may have in the stage, or null for none. */
export function attribute(element: Element, name: string, value: string): string | null {
  const lower = name.toLowerCase();
  if (lower.startsWith("on")) return null;
  const tag = element.localName;
  if (tag === VOID) return null;
  switch (lower) {
    case "href":
    case "xlink:href":
      return reference(element, tag, value);
    case "src":
      return ["img", "source", "input", "video", "audio", "track"].includes(tag) ? address(value) : null;
    case "poster":
      return tag === "video" ? address(value) : null;
    case "background":
      return ["body", "table", "td", "th", "tr"].includes(tag) ? address(value) : null;
    case "srcset":
      return ["img", "source"].includes(tag) ? candidates(value) : null;
    case "rel":
      return tag === "link" ? sheetOf(value.toLowerCase().split(/\s+/)) : value;
    case "usemap":
      return value.startsWith("#") ? value : null;
    case "type":
      return tag === "script" ? null : value;
    case "name":
      return tag !== "meta" || value.toLowerCase() === "color-scheme" ? value : null;
    case "content":
      return tag === "meta" && /^[a-z ]*$/i.test(value) ? value : null;
    case "http-equiv":
    case "srcdoc":
    case "sandbox":
      return null;
  }
  if (PREFIXED.test(lower)) return value;
  if (LOWER.has(lower)) return value;
  if (tag.includes("-") && CUSTOM_ATTRIBUTE.test(lower) && !ADDRESS_NAME.test(lower)) return value;
  return null;
}

/** Of all that links are for, only style sheets: no preload, no preconnect, no refresh by another name. */
function sheetOf(rel: string[]): string | null {
  if (!rel.includes("stylesheet")) return null;
  return rel.includes("alternate") ? "alternate stylesheet" : "stylesheet";
}

/** `href`: a link stays a link to look at, and leads nowhere. */
function reference(element: Element, tag: string, value: string): string | null {
  if (element.namespaceURI === HTML) {
    if (tag === "a" || tag === "area") return "#";
    return tag === "link" && CAPABILITY.test(value) ? value : null;
  }
  if (tag === "a") return "#";
  if (tag === "image" || tag === "feImage") return value.startsWith("#") ? value : address(value);
  return value.startsWith("#") || CAPABILITY.test(value.split("#")[0] ?? "") ? value : null;
}

function address(value: string): string | null {
  const trimmed = value.trim();
  return CAPABILITY.test(trimmed) || INLINE_IMAGE.test(trimmed) ? trimmed : null;
}

/** Every candidate of a srcset, or none: Lado writes them as capabilities, which hold neither comma nor space. */
function candidates(value: string): string | null {
  const all = value.split(",").map((candidate) => candidate.trim());
  return all.every((candidate) => CAPABILITY.test(candidate.split(/\s+/)[0] ?? "")) ? value : null;
}
