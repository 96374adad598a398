// Texts of the page as they may leave it: masked whole by rules, or in part by what detectors find in a line.

import { MASK, type Op, OpTag } from "../protocol/messages";
import type { Rules } from "../rules";
import { Veil } from "../veil";
import { outward } from "./address";
import type { Changes } from "./changes";
import * as dom from "./dom";
import type { Nodes } from "./nodes";
import { isInline, isOpaque, type Tokens } from "./tree";

export class Texts {
  /** Texts with something private in them, as they were sent. */
  #covered = new WeakMap<Node, string>();
  /** Texts of lines that changes have touched, as detectors leave them; during one flush. */
  #judged = new Map<Node, string>();

  constructor(
    private readonly rules: Rules,
    private readonly nodes: Nodes,
  ) {}

  reset(): void {
    this.#covered = new WeakMap();
  }

  /** A text by what stands over it alone. */
  of(node: Node, veil: Veil, text = dom.data(node as CharacterData)): string {
    const parent = dom.parentNode(node);
    const style = parent && dom.isElement(parent) && dom.localName(parent) === "style" ? parent : null;
    if (veil && !(veil === Veil.Mask && style && this.rules.dresses(style))) return text.trim() ? MASK : text;
    return style ? outward(text) : text;
  }

  /** A text that goes out for the first time. */
  first(node: Node, veil: Veil): string {
    const raw = dom.data(node as CharacterData);
    const judged = veil ? undefined : this.#judged.get(node);
    if (judged !== undefined && judged !== raw) this.#covered.set(node, judged);
    return judged ?? this.of(node, veil, raw);
  }

  /** A text as it went out last. */
  told(node: Node, veil: Veil): string {
    return (veil ? undefined : this.#covered.get(node)) ?? this.of(node, veil);
  }

  /** Says the texts that have changed, and those of their lines that look different for it. */
  ops(changed: ReadonlySet<Node>, isOld: (node: Node) => boolean): Op[] {
    const ops: Op[] = [];
    for (const node of changed) if (isOld(node)) this.#tell(node, ops, true);
    for (const node of this.#judged.keys())
      if (isOld(node) && !changed.has(node)) this.#tell(node, ops, false);
    this.#judged.clear();
    return ops;
  }

  #tell(node: Node, ops: Op[], always: boolean): void {
    const parent = dom.parentNode(node);
    if (!parent || !this.nodes.holds(parent, node) || !dom.isText(node)) return;
    const raw = dom.data(node as CharacterData);
    const veil = this.rules.over(node, this.nodes.up);
    const text = (veil ? undefined : this.#judged.get(node)) ?? this.of(node, veil, raw);
    if (!always && (this.#covered.get(node) ?? raw) === text) return;
    if (text === raw) this.#covered.delete(node);
    else this.#covered.set(node, text);
    ops.push({ tag: OpTag.SetText, node: this.nodes.id(node) ?? 0, text });
  }

  /** A line of a tree is complete: what detectors find in it is covered where it was written. */
  cover(line: readonly Written[], tokens: Tokens): void {
    const covered = this.rules.cover(line.map(({ text }) => text));
    covered?.forEach((text, i) => {
      const written = line[i];
      if (!written || text === written.text) return;
      tokens[written.at] = text;
      this.#covered.set(written.node, text);
    });
  }

  /** Looks at every line that a change has touched, before anything of it is written. */
  judge({ texts, pending }: Changes): void {
    const seen = new Set<Node>();
    const touch = (node: Node | null): void => {
      let block = node;
      while (block && dom.isElement(block) && isInline(dom.localName(block))) block = dom.parentNode(block);
      if (!block || seen.has(block)) return;
      seen.add(block);
      this.#judge(block);
    };
    for (const node of texts) touch(dom.parentNode(node));
    for (const node of pending) {
      const inline = dom.isElement(node) ? isInline(dom.localName(node)) : dom.isText(node);
      if (inline) touch(dom.parentNode(node));
    }
  }

  #judge(block: Node): void {
    let line: Node[] = [];
    const end = (): void => {
      const texts = line.map((node) => dom.data(node as CharacterData));
      const covered = this.rules.cover(texts);
      line.forEach((node, i) => {
        const text = covered?.[i];
        if (text !== undefined && text !== texts[i]) this.#judged.set(node, text);
        else if (this.#covered.has(node)) this.#judged.set(node, texts[i] ?? "");
      });
      line = [];
    };
    const walk = (node: Node): void => {
      for (let child = dom.firstChild(node); child; child = dom.nextSibling(child)) {
        if (dom.isText(child)) line.push(child);
        else if (!dom.isElement(child)) continue;
        else if (isInline(dom.localName(child))) walk(child);
        // Blocks within have lines of their own.
        else end();
      }
    };
    if (!dom.isElement(block) || !isOpaque(dom.localName(block))) walk(block);
    end();
  }
}

/** A text that was written into a tree, and where, until its line of text is complete. */
export interface Written {
  at: number;
  node: Node;
  text: string;
}
