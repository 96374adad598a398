// What masked fields hold: Lado is told beside the ops, to hide it wherever it shows again.

import * as dom from "./dom";
import { stateOf } from "./fields";

/** What is longer is known by its beginning. */
const MAX_SECRET = 1000;

export interface Secret {
  field: number;
  value: string;
  done: boolean;
}

export class Secrets {
  #new: Secret[] = [];
  #told = new WeakMap<Element, string>();

  /** Notes what a masked field holds. */
  note(field: Element, node: number, active: boolean): void {
    const state = stateOf(field);
    if (state?.kind === "value") this.#note(field, node, state.value, active);
    // What a list begins with, and single words, are anywhere.
    else if (state?.kind === "selected" && !state.initial)
      for (const option of state.options) {
        const label = dom.textContent(option)?.trim() ?? "";
        if (/\S\s+\S.{3}|\d{5}/s.test(label)) this.#note(option, node, label, false);
      }
  }

  /** Notes what is written in a masked place that is no field, when it is left. */
  left(host: Element, node: number): void {
    let text = "";
    for (let line = dom.firstChild(host); line; line = dom.nextSibling(line))
      text += `${dom.textContent(line)}\n`;
    this.#note(host, node, text.trim(), false);
  }

  #note(of: Element, field: number, value: string, active: boolean): void {
    const known = `${active} ${value}`;
    if (!value || this.#told.get(of) === known) return;
    this.#told.set(of, known);
    this.#new.push({ field, value: value.slice(0, MAX_SECRET), done: !active });
  }

  /** What Lado has not been told. */
  take(): Secret[] {
    return this.#new.splice(0);
  }
}
