// What only some pages need, loaded when they do: an agent's actions, the pictures of canvases and of blobs.

export { Pictures } from "./capture/pictures";
export { Actor } from "./command/act";
