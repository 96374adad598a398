// Frames of other origins in the stage: each shows a page of its own, told on a line of its own, in a stage inside the frame.

import {
  type FrameAt,
  type Op,
  OpTag,
  type ViewerNotice,
  ViewerNoticeTag,
} from "../../injected/protocol/messages";
import { t } from "../shared/i18n";
import { WatchSocket } from "./socket";
import { Stage } from "./stage";

export interface Around {
  /** Tickets are single-use: each connection needs one more. */
  ticket(): Promise<string>;
  /** What a line says that is not about its tree; `stage` is the one in the frame. */
  notice(notice: ViewerNotice, stage: Stage): void;
  /** A frame's page has changed. */
  changed(): void;
}

/** The frames of one stage, by the number of the page that each shows. */
export class StageFrames {
  #frames: readonly FrameAt[] = [];
  readonly #inner = new Map<number, Inner>();

  constructor(
    private readonly around: Around,
    private readonly address: string,
    private readonly stage: () => Stage | null,
  ) {}

  /** All frames that the page has. */
  told(frames: readonly FrameAt[]): void {
    this.#frames = frames;
    this.settle();
  }

  /** Elements may have come or gone, and whole stages: opens what shows and closes what does not. */
  settle(): void {
    const stage = this.stage();
    const shown = new Map<number, HTMLIFrameElement>();
    for (const { node, page } of this.#frames) {
      const frame = stage?.node(node) as HTMLIFrameElement | undefined;
      if (frame?.localName === "iframe" && frame.contentDocument && !stage?.holds(frame))
        shown.set(page, frame);
    }
    for (const [page, inner] of this.#inner) {
      if (stage === inner.outer && shown.get(page) === inner.frame && inner.stands) continue;
      inner.close();
      this.#inner.delete(page);
    }
    for (const [page, frame] of shown) {
      if (!stage || this.#inner.has(page)) continue;
      this.#inner.set(page, new Inner(this.around, this.address, page, stage, frame));
    }
  }

  /** Shows none until it settles again. */
  close(): void {
    for (const inner of this.#inner.values()) inner.close();
    this.#inner.clear();
  }
}

class Inner {
  #stage: Stage | null = null;
  #document: Document | null = null;
  readonly #frames: StageFrames;
  readonly #socket: WatchSocket;

  constructor(
    private readonly around: Around,
    address: string,
    page: number,
    readonly outer: Stage,
    readonly frame: HTMLIFrameElement,
  ) {
    this.#frames = new StageFrames(around, address, () => this.#stage);
    const watcher = {
      connection: () => {},
      ops: (ops: readonly Op[]) => this.#ops(ops),
      notice: (notice: ViewerNotice) => this.#notice(notice),
      ticket: () => around.ticket(),
    };
    this.#socket = new WatchSocket(address, watcher, page);
    this.#socket.start();
  }

  /** A frame that has moved has another, empty document. */
  get stands(): boolean {
    return !this.#stage || this.frame.contentDocument === this.#document;
  }

  close(): void {
    this.#socket.close();
    this.#leave();
    if (this.frame.isConnected) this.outer.close(this.frame);
  }

  #leave(): void {
    this.#frames.close();
    this.outer.inside.delete(this.frame);
    this.frame.removeAttribute("data-lado-page");
    this.#stage?.remove();
    this.#stage = null;
  }

  #ops(ops: readonly Op[]): void {
    for (const op of ops) {
      if (op.tag === OpTag.Snapshot) {
        if (!this.#build(op)) return;
        continue;
      }
      try {
        this.#stage?.apply(op);
      } catch {
        return this.#socket.resync();
      }
    }
    this.#stage?.settle();
    this.#frames.settle();
    this.around.changed();
  }

  #build(page: Extract<Op, { tag: OpTag.Snapshot }>): boolean {
    this.#leave();
    if (!this.frame.contentDocument) return false;
    const stage = new Stage(this.frame, page, t("viewer.opaque"), () => this.#socket.resync());
    stage.line = this.#socket;
    this.#stage = stage;
    this.#document = this.frame.contentDocument;
    this.outer.inside.set(this.frame, stage);
    // What is in it is another page's.
    this.frame.setAttribute("data-lado-page", "");
    stage.ready.then(() => this.around.changed());
    return true;
  }

  #notice(notice: ViewerNotice): void {
    switch (notice.tag) {
      case ViewerNoticeTag.Frames:
        this.#frames.told(notice.frames);
        break;
      case ViewerNoticeTag.NoPage:
      case ViewerNoticeTag.Limited:
        if (notice.tag === ViewerNoticeTag.Limited && this.#stage) break;
        this.#leave();
        if (this.frame.isConnected) this.outer.close(this.frame);
        break;
      default:
        if (this.#stage) this.around.notice(notice, this.#stage);
    }
  }
}
