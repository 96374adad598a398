// What canvases show. A document without scripts draws no canvas but what is inside its tags (HTML "canvas"), so the
// picture is given to the element as its content, in the size that the canvas has.

const NAME = "data-lado-canvas";

export class StagePictures {
  readonly #rules = new Map<CSSStyleSheet, Map<number, string>>();
  readonly #canvases = new Map<number, HTMLCanvasElement>();

  /** `sheetOf` is a sheet of a canvas's root that nothing else is in. */
  constructor(private readonly sheetOf: (element: Element) => CSSStyleSheet | null) {}

  /** A canvas has come. */
  add(canvas: Element, id: number): void {
    canvas.setAttribute(NAME, String(id));
    this.#canvases.set(id, canvas as HTMLCanvasElement);
  }

  /** Gives empty canvases that have come their room. */
  settle(): void {
    for (const [id, canvas] of this.#canvases) {
      const sheet = this.sheetOf(canvas);
      if (sheet && !this.#rules.get(sheet)?.has(id)) this.show(id, null);
    }
  }

  /** What the canvas shows now; nothing when it has been emptied. */
  show(id: number, image: Uint8Array | null): void {
    const canvas = this.#canvases.get(id);
    const sheet = canvas && this.sheetOf(canvas);
    if (!sheet) return;
    const size = (name: string, usual: number) => {
      const given = Number.parseInt(canvas.getAttribute(name) ?? "", 10);
      return given >= 0 ? given : usual;
    };
    const [width, height] = [size("width", 300), size("height", 150)];
    const picture = image
      ? `<image href="data:${kindOf(image)};base64,${base64(image)}" width="${width}" height="${height}" preserveAspectRatio="none"/>`
      : "";
    const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${picture}</svg>`;
    const rules = this.#rules.get(sheet) ?? new Map<number, string>();
    this.#rules.set(sheet, rules);
    rules.set(
      id,
      `[${NAME}="${id}"] { content: url("data:image/svg+xml,${encodeURIComponent(drawing)}") !important; }`,
    );
    sheet.replaceSync([...rules.values()].join("\n"));
  }

  forget(id: number): void {
    if (!this.#canvases.delete(id)) return;
    for (const rules of this.#rules.values()) rules.delete(id);
  }
}

function kindOf(image: Uint8Array): string {
  return image[0] === 0x89 ? "image/png" : image[0] === 0xff ? "image/jpeg" : "image/webp";
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
