// What the stage adds to every page's styles: how masked, locked and focused elements look.

const EYE_OFF = encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#42524f" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M10.733 5.076a10.744 10.744 0 0 1 11.205 6.575 1 1 0 0 1 0 .696 10.747 10.747 0 0 1-1.444 2.49"/><path d="M14.084 14.158a3 3 0 0 1-4.242-4.242"/><path d="M17.479 17.499a10.75 10.75 0 0 1-15.417-5.151 1 1 0 0 1 0-.696 10.75 10.75 0 0 1 4.446-5.143"/><path d="m2 2 20 20"/></svg>`,
);

/**
 * A picture without an address is drawn as a broken one, or as its alternative text; this keeps its place. Without a size
 * it takes the shape that the element's attributes give.
 */
const nothing = (size: string) => `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' ${size}/%3E`;

/** Outdoes what pages call important and select by, however closely. */
const STRONG = ":not(#lado#lado#lado#lado)";

/**
 * What the page's sheets draw on masked elements and in them, in words or pictures, is not drawn. A rule of its own for
 * each way to be inside one: browsers drop rules with selectors that they do not know.
 */
const undrawn = ["[data-lado-mask]", ":host([data-lado-mask])", ":host-context([data-lado-mask])"]
  .map((mask) => {
    const inside = `${mask} :not([data-lado-mask])${STRONG}`;
    const pseudo = (name: string) => `${mask}${mask[0] === "[" ? STRONG : ""}::${name}, ${inside}::${name}`;
    return `
${inside} { background-image: none !important; border-image: none !important; list-style-image: none !important; }
${pseudo("before")}, ${pseudo("after")} { visibility: hidden !important; font-size: 0 !important;
  background-image: none !important; border-image: none !important; }
${pseudo("marker")} { content: normal !important; }`;
  })
  .join("");

/** `bar` is the width of the customer's scroll bars in CSS pixels, 0 where they take no room. */
export const stageSheet = (bar: number) => `
lado-void { display: none !important; }
${bar > 0 ? (bar === ownBar() ? "" : `::-webkit-scrollbar { width: ${bar}px; height: ${bar}px; }`) : ":root { scrollbar-width: none !important; }"}
@layer lado {
  [data-lado-ring] { outline: auto 1px -webkit-focus-ring-color; }
  ::selection { background: Highlight; color: HighlightText; }
  [data-lado-fullscreen] { position: fixed; inset: 0; width: 100%; height: 100%; margin: 0; background: #000;
    object-fit: contain; z-index: 2147483647; }
}
${undrawn}
[data-lado-mask]${STRONG} {
  background: url("data:image/svg+xml,${EYE_OFF}") no-repeat right 0.4em center / 1.05em,
    repeating-linear-gradient(-45deg, #dfe6e4 0 6px, #d2dbd9 6px 12px) !important;
  color: #42524f !important;
  -webkit-text-fill-color: #42524f !important;
  text-shadow: none !important;
  border-radius: 4px !important;
  border-image: none !important;
  list-style-image: none !important;
  box-shadow: inset 0 0 0 1px #a9b7b4 !important;
  font-style: normal !important;
  letter-spacing: 0.05em !important;
}
[data-lado-mask] { min-width: 7em; }
span[data-lado-mask], a[data-lado-mask], b[data-lado-mask], strong[data-lado-mask], em[data-lado-mask],
i[data-lado-mask], td[data-lado-mask], code[data-lado-mask] { padding-inline: 0.4em 1.8em !important; }
input[data-lado-mask], textarea[data-lado-mask], select[data-lado-mask] { appearance: none !important; }
img[data-lado-mask], [data-lado-mask] img { content: url("${nothing("width='96' height='64'")}") !important; }
img[data-lado-mask][width][height], [data-lado-mask] img[width][height] { content: url("${nothing("")}") !important; }
:is(img, video, canvas)[data-lado-mask]${STRONG} { background-position: center, 0 0 !important; }
[data-lado-lock] { outline: 2px dashed #c07a1d !important; outline-offset: 2px !important; }
.lado-opaque {
  position: fixed; inset: 0; margin: 0; padding: 1em; display: grid; place-content: center; text-align: center;
  font: 14px/1.4 system-ui, sans-serif; color: #42524f;
  background: repeating-linear-gradient(-45deg, #eef2f1 0 10px, #e4eae8 10px 20px);
}
`;

/** How wide this browser's own scroll bars are. */
function ownBar(): number {
  const box = document.createElement("div");
  box.style.cssText = "position:absolute;visibility:hidden;overflow:scroll;width:99px;height:99px";
  document.body.append(box);
  const width = 99 - box.clientWidth;
  box.remove();
  return width;
}
