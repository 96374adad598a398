import { name } from "./other.mjs";
export const answer = `${name} by ${import.meta.url.split("/").at(-1)}`;
export default 42;
