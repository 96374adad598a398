// What a page tells of itself, in lines that are the same on both sides when the page is.
//
// The function runs in the customer's page and, from the viewer, on the stage: it has to stand alone.

export interface Description {
  tree: string[];
  states: string[];
  styles: string[];
}

export function describe(page: Document): Description {
  const tree: string[] = [];
  const states: string[] = [];
  const styles: string[] = [];
  const XHTML = "http://www.w3.org/1999/xhtml";
  /** What agents never get but as an empty place. */
  const VOID =
    /^(script|noscript|template|meta|base|object|embed|applet|param|frame|frameset|noframes|noembed|lado-void)$/;
  const UNTOLD =
    /^(on|data-lado-|[@:]|x:)|^(nonce|integrity|srcdoc|action|formaction|formtarget|formmethod|ping|http-equiv|target|download|autofocus|is|manifest|crossorigin|referrerpolicy|cite|longdesc|classid|codebase|archive|profile|data|csp|allow|sandbox|attributionsrc|src|srcset|imagesrcset|href|xlink:href|poster|background|media|rel|as|popovertarget|popovertargetaction|commandfor|command|loading|decoding|fetchpriority|content|sizes|allowfullscreen|credentialless|blocking|shadowrootmode|shadowrootdelegatesfocus|shadowrootclonable|shadowrootserializable)$/;
  const PROPERTIES =
    "display visibility color background-color font-size font-weight font-family font-style line-height width height margin-top margin-left padding-top padding-left border-top-width border-left-color border-top-left-radius position transform opacity outline-style outline-width outline-color text-decoration-line box-shadow filter z-index content-visibility text-transform overflow-y flex-direction grid-template-columns".split(
      " ",
    );
  const closed = (window as unknown as { closedRoots?: Map<Element, ShadowRoot> }).closedRoots;
  const css = (text: string) =>
    text
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/url\([^)]*\)|@import\s*("[^"]*"|'[^']*')/g, "url()")
      .replace(/\s+/g, " ")
      .trim();

  const visit = (node: Node, depth: number): void => {
    const pad = " ".repeat(depth);
    if (node.nodeType === 3) {
      tree.push(`${pad}"${(node as Text).data}"`);
      return;
    }
    if (node.nodeType === 9 || node.nodeType === 11) {
      tree.push(`${pad}#${node.nodeType === 9 ? "document" : "shadow"}`);
      for (const child of node.childNodes) visit(child, depth + 1);
      return;
    }
    if (node.nodeType !== 1) return;
    const element = node as HTMLElement;
    const name = element.localName;
    if (name === "lado-overlay") return;
    const html = element.namespaceURI === XHTML;
    const scheme = name === "meta" && element.getAttribute("name") === "color-scheme";
    if (html && VOID.test(name) && !scheme) {
      tree.push(`${pad}<void>`);
      return;
    }
    const attributes = [...element.attributes]
      .filter(({ name: attribute }) => !UNTOLD.test(attribute))
      .filter(({ name: attribute }) => !(attribute === "value" && element.getAttribute("type") === "hidden"))
      .map(({ name: attribute, value }) => `${attribute}="${attribute === "style" ? css(value) : value}"`)
      .sort();
    tree.push(
      `${pad}<${html ? "" : `${element.namespaceURI?.split("/").pop()}:`}${[name, ...attributes].join(" ")}>`,
    );
    const state = stateOf(element);
    if (state) states.push(`${name}${element.id ? `#${element.id}` : ""} ${state}`);
    if (html && name === "style") {
      const text = css(element.textContent ?? "");
      if (text) tree.push(`${pad} "${text}"`);
      return;
    }
    if (styles.length < 200 && element.isConnected) {
      const style = element.ownerDocument.defaultView?.getComputedStyle(element);
      if (style)
        styles.push(
          `${name}${element.id ? `#${element.id}` : ""} ${PROPERTIES.map((p) => `${p}:${style.getPropertyValue(p)}`).join(";")}`,
        );
    }
    const shadow = element.shadowRoot ?? closed?.get(element);
    if (shadow) visit(shadow, depth + 1);
    if (name === "iframe") {
      let inner: Document | null = null;
      try {
        inner = (element as HTMLIFrameElement).contentDocument;
      } catch {
        inner = null;
      }
      // The document of another origin is not the customer's page's to describe: pixels tell whether it is the same.
      const isOthers = element.hasAttribute("data-lado-page") || inner?.querySelector("p.lado-opaque");
      if (inner && !isOthers) visit(inner, depth + 1);
      return;
    }
    for (const child of element.childNodes) visit(child, depth + 1);
  };

  const stateOf = (element: HTMLElement): string => {
    const told: string[] = [];
    const field = element as HTMLInputElement;
    const name = element.localName;
    if (name === "input" && !/^(hidden|file|submit|button|reset|image)$/.test(field.type))
      told.push(`value=${field.value}`);
    if (name === "textarea") told.push(`value=${field.value}`);
    if (name === "input" && (field.checked || field.indeterminate))
      told.push(`checked=${field.checked} ${field.indeterminate}`);
    if (name === "select") {
      const chosen = [...(element as unknown as HTMLSelectElement).selectedOptions].map(({ text }) => text);
      told.push(`selected=${chosen.join()}`);
    }
    if (element.scrollTop || element.scrollLeft) {
      if (element !== element.ownerDocument.documentElement)
        told.push(`scroll=${Math.round(element.scrollLeft)},${Math.round(element.scrollTop)}`);
    }
    for (const layer of [":modal", ":popover-open"]) if (element.matches(layer)) told.push(layer);
    if (name === "video" || name === "audio")
      told.push(`paused=${(element as unknown as HTMLMediaElement).paused}`);
    return told.join(" ");
  };

  visit(page, 0);
  const view = page.defaultView;
  states.push(
    `window ${Math.round(view?.scrollX ?? 0)},${Math.round(view?.scrollY ?? 0)} ${page.compatMode}`,
  );
  states.push(`layout ${page.documentElement.clientWidth}×${page.documentElement.clientHeight}`);
  const selection = view?.getSelection();
  const range = selection?.rangeCount ? selection.getRangeAt(0) : null;
  if (range && !range.collapsed) states.push(`selected text ${selection}`);
  return { tree, states, styles };
}
