// What canvases show, as pictures: a few a second, only of canvases in sight and only while somebody watches.

import { failed } from "../guard";
import { type Op, OpTag } from "../protocol/messages";
import * as dom from "./dom";

/** Between two pictures of a canvas that changes; one that does not is looked at less and less often. */
const FIRST_MS = 400;
const LAST_MS = 2000;
/** Larger canvases and images are drawn smaller. */
const MAX_PIXELS = 900_000;
const QUALITY = 0.9;
/** Of images that only this browser has, what is larger is copied. */
const MAX_BLOB = 256 * 1024;

export interface Easel {
  id(node: Node): number | undefined;
  masked(node: Node): boolean;
  say(op: Op): void;
}

interface Drawn {
  id: number;
  bytes: Uint8Array;
}

export class Pictures {
  readonly #seen = new Set<HTMLCanvasElement>();
  readonly #last = new WeakMap<Element, Drawn>();
  /** Canvases that hold what this page may not read (HTML "origin-clean"). */
  readonly #closed = new WeakSet<Element>();
  readonly #eye: IntersectionObserver;
  readonly #known = new WeakSet<Element>();
  /** What blobs were found to hold, by element and address. */
  readonly #blobs = new WeakMap<Element, Map<string, string>>();
  #wait = FIRST_MS;
  #running = false;
  #watched = false;

  constructor(private readonly easel: Easel) {
    this.#eye = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#seen.add(target as HTMLCanvasElement);
        else this.#seen.delete(target as HTMLCanvasElement);
      }
      this.#wake();
    });
  }

  add(canvas: Element): void {
    if (this.#known.has(canvas)) return;
    this.#known.add(canvas);
    this.#eye.observe(canvas);
  }

  watched(watched: boolean): void {
    this.#watched = watched;
    this.#wake();
  }

  #wake(): void {
    this.#wait = FIRST_MS;
    if (this.#running || !this.#watched || !this.#seen.size) return;
    this.#running = true;
    this.#next();
  }

  #next(): void {
    // In a frame, after the page's own callbacks: what WebGL has drawn is gone when the frame is shown.
    dom.frame(() => {
      const taken = Array.from(this.#seen, (canvas) => this.#take(canvas));
      Promise.all(taken).then((changes) => {
        this.#wait = changes.includes(true) ? FIRST_MS : Math.min(this.#wait * 1.3, LAST_MS);
        this.#running = this.#watched && this.#seen.size > 0;
        if (this.#running) dom.timeout(() => this.#next(), this.#wait);
      }, failed);
    });
  }

  /** Whether the canvas shows something else than before. */
  async #take(canvas: HTMLCanvasElement): Promise<boolean> {
    const id = dom.isConnected(canvas) ? this.easel.id(canvas) : undefined;
    if (id === undefined) this.#seen.delete(canvas);
    const { width, height } = canvas;
    if (!id || !width || !height || this.#closed.has(canvas) || this.easel.masked(canvas)) return false;
    try {
      const blob = await copyOf(canvas);
      const image = new Uint8Array(await blob.arrayBuffer());
      const last = this.#last.get(canvas);
      if (last?.id === id && same(last.bytes, image)) return false;
      this.#last.set(canvas, { id, bytes: image });
      this.easel.say({ tag: OpTag.Picture, node: id, image });
      return true;
    } catch {
      this.#closed.add(canvas);
      return false;
    }
  }

  /** An image that only this browser has: its address becomes its content, once that is known. */
  blob(element: Element, name: string, address: string): string {
    const known = this.#blobs.get(element) ?? new Map<string, string>();
    const value = known.get(address);
    if (value === undefined) {
      // A source and a poster, and no more of those that were there before.
      for (const oldest of known.keys()) if (known.size > 1) known.delete(oldest);
      this.#blobs.set(element, known.set(address, address));
      void this.#read(known, element, name, address);
    }
    return value ?? address;
  }

  async #read(known: Map<string, string>, element: Element, name: string, address: string): Promise<void> {
    try {
      let blob = await (await fetch(address)).blob();
      if (!blob.type.startsWith("image/")) return;
      if (blob.size > MAX_BLOB) blob = await copyOf(await createImageBitmap(blob));
      const value = await new Promise<string>((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(String(reader.result));
        reader.onerror = reject;
        reader.readAsDataURL(blob);
      });
      known.set(address, value);
      const node = this.easel.id(element);
      if (!node || this.easel.masked(element) || dom.getAttribute(element, name) !== address) return;
      this.easel.say({ tag: OpTag.SetAttr, node, name, value });
    } catch {
      // It has been revoked.
    }
  }
}

/** A picture of it, smaller where it is large. */
function copyOf(source: HTMLCanvasElement | ImageBitmap): Promise<Blob> {
  const { width, height } = source;
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (width * height)));
  const copy = new OffscreenCanvas(
    Math.max(1, Math.round(width * scale)),
    Math.max(1, Math.round(height * scale)),
  );
  copy.getContext("2d")?.drawImage(source, 0, 0, copy.width, copy.height);
  return copy.convertToBlob({ type: "image/webp", quality: QUALITY });
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
