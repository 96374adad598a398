import { answer } from "./module.mjs";
postMessage({ answer, meta: import.meta.url, classic: typeof importScripts });
