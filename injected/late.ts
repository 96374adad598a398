// What only some pages need, or only while somebody watches, loaded when they do: an agent's actions, the pictures of
// canvases and of blobs, what stands over the page, what scripts do to style sheets, what is told beside the tree.

export { Beside } from "./capture/beside";
export { Cssom } from "./capture/cssom";
export { Pictures } from "./capture/pictures";
export { Actor } from "./command/act";
export { Carry } from "./overlay/carry";
export { Signs } from "./overlay/signs";
