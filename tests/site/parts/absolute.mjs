// A string that only looks like an import: import "{{cdn}}/none.mjs"
import { name } from "{{cdn}}/parts/other.mjs?cors=*";
export { name as again } from "{{cdn}}/parts/other.mjs?cors=*";
const text = `import "{{cdn}}/none.mjs"; ${'import("{{cdn}}/none.mjs")'}`;
const pattern = /import "x"/;
export const answer = [name, text.length, pattern.source];
