// The viewer's connection: ops and notices in, requests out, always reconnecting.

import {
  type Action,
  MAX_MESSAGE,
  type Op,
  OpTag,
  type Shape,
  VERSION,
  ViewerMessage,
  ViewerMessageTag,
  type ViewerNotice,
  ViewerNoticeTag,
  ViewerRequest,
  ViewerRequestTag,
} from "../../injected/protocol/messages";
import { TreeReader } from "../../injected/protocol/trees";
import { Writer } from "../../injected/protocol/wire";
import { Pulse } from "../shared/pulse";

export type Connection = "connecting" | "open" | "lost";

export interface Watcher {
  connection(state: Connection): void;
  ops(ops: readonly Op[]): void;
  notice(notice: ViewerNotice): void;
  /** Tickets are single-use: each connection needs one more. */
  ticket(): Promise<string>;
}

const FIRST_RETRY = 400;
const LAST_RETRY = 4000;
/** At most one request for a snapshot in this many milliseconds. */
const RESYNC_EVERY = 1500;

/** Actions are counted over all connections: an answer names one. */
let acts = 0;

export class WatchSocket {
  #socket: WebSocket | null = null;
  /** The tree is wrong: ops are dropped until a snapshot comes. */
  #waiting = true;
  #retry = FIRST_RETRY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = Number.NEGATIVE_INFINITY;
  /** It asks again if no snapshot has come until then. */
  #asking: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  readonly #stop = new AbortController();
  readonly #pulse = new Pulse({
    quiet: (quiet) => this.watcher.connection(quiet ? "lost" : "open"),
    dead: () => this.#lost(),
  });

  constructor(
    readonly address: string,
    readonly watcher: Watcher,
    /** It shows this frame's page, and nothing else. */
    readonly page = 0,
  ) {
    const { signal } = this.#stop;
    addEventListener("online", () => this.#again(0), { signal });
    addEventListener("offline", () => this.#lost(), { signal });
  }

  /** Never again. */
  close(): void {
    this.#over = true;
    this.#stop.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#asking);
    this.#pulse.stop();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  /** With a ticket of its own. */
  start(): void {
    this.#again(0);
  }

  open(ticket: string): void {
    if (this.#over) return;
    this.#pulse.start();
    const socket = new WebSocket(this.address);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#waiting = true;
      const { page } = this;
      this.#send(
        page
          ? { tag: ViewerRequestTag.Enter, version: VERSION, ticket, page }
          : { tag: ViewerRequestTag.Hello, version: VERSION, ticket },
      );
    };
    socket.onmessage = (event: MessageEvent) => {
      if (this.#socket !== socket) return;
      this.#pulse.beat();
      if (event.data instanceof ArrayBuffer && event.data.byteLength <= MAX_MESSAGE)
        this.#receive(event.data);
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #lost(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#pulse.stop();
    if (!socket) return;
    socket.close();
    this.watcher.connection("lost");
    this.#again(this.#retry * (0.75 + Math.random() / 2));
    this.#retry = Math.min(this.#retry * 2, LAST_RETRY);
  }

  /** The number by which the answer names the action. */
  act(action: Action): number {
    const id = ++acts;
    this.#send({ tag: ViewerRequestTag.Act, id, action });
    return id;
  }

  draw(id: number, colour: number, stays: boolean, shape: Shape): void {
    this.#send({ tag: ViewerRequestTag.Draw, id, colour, stays, shape });
  }

  erase(id: number): void {
    this.#send({ tag: ViewerRequestTag.Erase, id });
  }

  pointer(shown: boolean, x: number, y: number): void {
    this.#send({ tag: ViewerRequestTag.Pointer, shown, x: Math.round(x), y: Math.round(y) });
  }

  /** Shows this tab; `null` follows the customer. */
  watch(tab: number | null): void {
    this.#send({ tag: ViewerRequestTag.Watch, tab });
  }

  resync(): void {
    this.#waiting = true;
    clearTimeout(this.#asking);
    const now = performance.now();
    const early = this.#asked + RESYNC_EVERY - now;
    if (early > 0) {
      // A page that stands still would not make it ask again.
      this.#asking = setTimeout(() => {
        if (this.#waiting) this.resync();
      }, early);
      return;
    }
    this.#asked = now;
    this.#send({ tag: ViewerRequestTag.Resync });
  }

  #receive(data: ArrayBuffer): void {
    try {
      const message = ViewerMessage.read(new TreeReader(new Uint8Array(data)));
      if (message.tag === ViewerMessageTag.Notice) this.#notice(message.notice);
      else this.#ops(message.ops);
    } catch {
      this.resync();
    }
  }

  #ops(ops: readonly Op[]): void {
    // A viewer that fell behind gets a snapshot, and a socket loses nothing: sequence numbers tell nothing more here.
    const fresh = ops.some((op) => op.tag === OpTag.Snapshot);
    if (fresh) this.#waiting = false;
    else if (this.#waiting) return this.resync();
    this.watcher.ops(ops);
  }

  #notice(notice: ViewerNotice): void {
    switch (notice.tag) {
      case ViewerNoticeTag.Welcome:
        this.#retry = FIRST_RETRY;
        this.watcher.connection("open");
        break;
      case ViewerNoticeTag.Ended:
        this.#over = true;
        this.#pulse.stop();
        break;
      case ViewerNoticeTag.Reconnect:
        this.#retry = Math.max(notice.after, FIRST_RETRY);
        break;
      case ViewerNoticeTag.NoPage:
        this.#waiting = true;
        this.#asked = performance.now();
        break;
    }
    this.watcher.notice(notice);
  }

  #send(request: ViewerRequest): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    // Each message has a dictionary of its own.
    const writer = new Writer();
    ViewerRequest.write(writer, request);
    this.#socket.send(writer.take());
  }

  #again(after: number): void {
    if (this.#over || this.#socket) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.watcher.ticket().then(
        (ticket) => this.open(ticket),
        () => this.#again(this.#retry),
      );
    }, after);
  }
}
