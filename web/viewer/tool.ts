// The drawing tools by name, in the order of the toolbar; apart from ink.ts because the console needs the names alone.

export const TOOLS = ["hand", "laser", "highlight", "look", "pen", "arrow", "rectangle", "text"] as const;
export type Tool = (typeof TOOLS)[number];
