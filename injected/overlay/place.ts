// Where the panel stands.

/** Between the panel and the window's edges. */
export const EDGE = 12;
/** Where the customer has moved the panel to, for the next page of the tab. */
export const PLACE = "__lado_panel";
