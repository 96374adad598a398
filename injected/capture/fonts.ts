// Fonts that scripts load by FontFace: agents get them as the rules that would have loaded them.

import { guard } from "../guard";
import { outward } from "./address";
import * as dom from "./dom";
import { absolute } from "./sheets";

type Realm = Window & typeof globalThis;

/** Larger ones that come as bytes are left out: the text shows in the next font of its list. */
const MAX_BYTES = 512 * 1024;

export class Fonts {
  #sources = new WeakMap<FontFace, string>();
  #documents = new WeakMap<FontFaceSet, Document>();
  #faces = new WeakMap<Node, Set<FontFace>>();

  constructor(private readonly changed: (page: Document) => void) {}

  patch(realm: Realm): void {
    const { FontFace: Native, FontFaceSet: Faces, document: page } = realm;
    if (!Native || !Faces || !page?.fonts) return;
    this.#documents.set(page.fonts, page);
    const sources = this.#sources;
    realm.FontFace = new Proxy(Native, {
      construct(target, args, self) {
        const face = Reflect.construct(target, args, self) as FontFace;
        guard(() => sources.set(face, sourceOf(args[1], dom.baseUri(page))))();
        return face;
      },
    });
    const on = (
      name: "add" | "delete" | "clear",
      run: (faces: Set<FontFace>, face: FontFace) => void,
    ): void =>
      dom.after(
        Faces.prototype,
        name,
        guard((set: FontFaceSet, face: unknown) => {
          const owner = this.#documents.get(set);
          if (!owner) return;
          const faces = this.#faces.get(owner) ?? new Set();
          this.#faces.set(owner, faces);
          run(faces, face as FontFace);
          this.changed(owner);
        }),
      );
    on("add", (faces, face) => {
      if (sources.has(face)) faces.add(face);
    });
    on("delete", (faces, face) => faces.delete(face));
    on("clear", (faces) => faces.clear());
  }

  /** The rules that stand for a document's fonts by script; null when it never had any. */
  of(root: Node): string | null {
    const faces = this.#faces.get(root);
    if (!faces) return null;
    return Array.from(faces, (face) => {
      const { family, style, weight, stretch, unicodeRange } = face;
      const name = JSON.stringify(family.replace(/^["']|["']$/g, ""));
      return `@font-face{font-family:${name};src:${this.#sources.get(face)};font-style:${style};font-weight:${weight};font-stretch:${stretch};unicode-range:${unicodeRange}}`;
    }).join("\n");
  }
}

function sourceOf(source: unknown, base: string): string {
  if (typeof source === "string")
    return outward(absolute(source.replace(/url\(\s*(['"]?)(.*?)\1\s*\)/g, 'url("$2")'), base));
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source as ArrayBuffer);
  if (bytes.length > MAX_BYTES) return "local(none)";
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `url("data:font/ttf;base64,${btoa(text)}")`;
}
