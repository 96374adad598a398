// What masks leave of an element.

/** What stands over an element: nothing, a mask that unmask rules below may lift, or a firm one. */
export const enum Veil {
  None = 0,
  Mask = 1,
  Firm = 2,
}
