// Fonts that scripts load by FontFace: agents get them as the rules that would have loaded them.

import { guard } from "../guard";
import * as dom from "./dom";

type Realm = Window & typeof globalThis;

/** A font as the script asked for it. */
export interface Face {
  readonly face: FontFace;
  readonly source: unknown;
  readonly base: string;
}

export class Fonts {
  #sources = new WeakMap<FontFace, Face>();
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
        guard(() => sources.set(face, { face, source: args[1], base: dom.baseUri(page) }))();
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

  /** The fonts that a document has by script; null when it never had any. */
  of(root: Node): Face[] | null {
    const faces = this.#faces.get(root);
    return faces ? Array.from(faces, (face) => this.#sources.get(face) as Face) : null;
  }
}
