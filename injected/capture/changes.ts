// What has changed in the page since the last flush: sets, for what a flush says is read from the page as it is then.

export class Changes {
  /** Nodes that came or moved. */
  readonly pending = new Set<Node>();
  /** New ones for which a flush had no time: blocks, in the order of the page. */
  readonly left = new Set<Node>();
  readonly attributes = new Map<Element, Set<string>>();
  readonly texts = new Set<Node>();
  readonly fields = new Set<Element>();
  /** Frames whose documents may be others. */
  readonly frames = new Set<Element>();
  /** Documents of frames that are new or written anew. */
  readonly inner = new Set<Document>();
  focus = false;
  size = false;
  rules = false;
  /** The page is looked at: a snapshot has been taken, and nothing has ended it. */
  active = false;
  #told = false;

  constructor(private readonly changed: () => void) {}

  /** Asks for a flush, once. */
  wake(): void {
    if (!this.active || this.#told) return;
    this.#told = true;
    this.changed();
  }

  /** A flush begins. */
  taken(): void {
    this.#told = false;
  }

  /** A snapshot says it all. */
  clear(): void {
    for (const set of [this.pending, this.left, this.attributes, this.texts, this.fields, this.frames])
      set.clear();
    this.size = false;
  }
}
