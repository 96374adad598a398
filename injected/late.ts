// What only some pages need, loaded when they do: an agent's actions, the pictures of canvases and of blobs, what stands
// over the page.

export { Pictures } from "./capture/pictures";
export { Actor } from "./command/act";
export { Signs } from "./overlay/signs";
