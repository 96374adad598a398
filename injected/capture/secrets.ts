// What masked fields hold: Lado is told beside the ops, to hide it wherever it shows again.

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
    if (state?.kind !== "value" || !state.value) return;
    const known = `${active} ${state.value}`;
    if (this.#told.get(field) === known) return;
    this.#told.set(field, known);
    this.#new.push({ field: node, value: state.value.slice(0, MAX_SECRET), done: !active });
  }

  /** What Lado has not been told. */
  take(): Secret[] {
    return this.#new.splice(0);
  }
}
