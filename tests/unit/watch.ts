// Plays Lado's part on a viewer's socket: a test says what the page is, and reads what the viewer asks for.

import { expect, type Page, type WebSocketRoute } from "@playwright/test";
import {
  type Action,
  type ActionTag,
  type Level,
  NodeKind,
  type Op,
  OpTag,
  ViewerMessage,
  ViewerMessageTag,
  type ViewerNotice,
  ViewerNoticeTag,
  ViewerRequest,
  ViewerRequestTag,
} from "../../injected/protocol/messages";
import { TreeReader, TreeWriter } from "../../injected/protocol/trees";
import type { TreeNode } from "../../injected/protocol/wire";

export type Part = string | TreeNode[];

export function el(tag: string, attrs: Record<string, string> = {}, ...children: Part[]): TreeNode[] {
  return element(NodeKind.Html, tag, attrs, children);
}

export function svg(tag: string, attrs: Record<string, string> = {}, ...children: Part[]): TreeNode[] {
  return element(NodeKind.Svg, tag, attrs, children);
}

export function shadow(...children: Part[]): TreeNode[] {
  return [{ kind: NodeKind.Shadow }, ...children.flatMap(part), { kind: NodeKind.End }];
}

export function inner(...children: Part[]): TreeNode[] {
  return [{ kind: NodeKind.Document }, ...children.flatMap(part), { kind: NodeKind.End }];
}

/** The next node takes this id. */
export function at(id: number): TreeNode[] {
  return [{ kind: NodeKind.At, id }];
}

export function part(from: Part): TreeNode[] {
  return typeof from === "string" ? [{ kind: NodeKind.Text, text: from }] : from;
}

function element(
  kind: NodeKind.Html | NodeKind.Svg,
  tag: string,
  attrs: Record<string, string>,
  children: Part[],
): TreeNode[] {
  return [{ kind, tag, attrs: Object.entries(attrs) }, ...children.flatMap(part), { kind: NodeKind.End }];
}

export interface PageOptions {
  quirks?: boolean;
  title?: string;
  url?: string;
  scrollY?: number;
  width?: number;
  height?: number;
}

export function snapshot(tree: TreeNode[], options: PageOptions = {}): Op {
  const url = options.url ?? "https://www.shop.example/cart";
  return {
    tag: OpTag.Snapshot,
    epoch: 1,
    base: 2,
    url,
    baseUrl: url,
    title: options.title ?? "Cart",
    quirks: options.quirks ?? false,
    viewport: { width: options.width ?? 800, height: options.height ?? 500, density: 1000 },
    scrollX: 0,
    scrollY: options.scrollY ?? 0,
    tree,
  };
}

export class Watch {
  readonly requests: ViewerRequest[] = [];
  #socket: WebSocketRoute | null = null;
  #seq = 0;
  connections = 0;

  static async on(page: Page): Promise<Watch> {
    const watch = new Watch();
    await page.routeWebSocket(/\/__lado\/watch$/, (socket) => {
      watch.#socket = socket;
      watch.connections++;
      const beat = () => {
        if (watch.#socket === socket) watch.notice({ tag: ViewerNoticeTag.Beat, agent: 12, customer: 34 });
      };
      setInterval(beat, 1000).unref();
      socket.onMessage((message) => {
        watch.requests.push(ViewerRequest.read(new TreeReader(new Uint8Array(message as Buffer))));
      });
    });
    return watch;
  }

  async said<T extends ViewerRequestTag>(tag: T): Promise<Extract<ViewerRequest, { tag: T }>> {
    await expect.poll(() => this.requests.some((request) => request.tag === tag)).toBe(true);
    const found = this.requests.findLast((request) => request.tag === tag);
    return found as Extract<ViewerRequest, { tag: T }>;
  }

  /** The last action of a kind that the viewer asked for. */
  acted<T extends ActionTag>(tag: T): Extract<Action, { tag: T }> | undefined {
    const actions = this.requests.flatMap((request) =>
      request.tag === ViewerRequestTag.Act ? [request.action] : [],
    );
    return actions.findLast((action) => action.tag === tag) as Extract<Action, { tag: T }> | undefined;
  }

  ops(...ops: Op[]): void {
    this.#send({ tag: ViewerMessageTag.Ops, seq: ++this.#seq, ops });
  }

  notice(notice: ViewerNotice): void {
    this.#send({ tag: ViewerMessageTag.Notice, notice });
  }

  welcome(level: Level): void {
    this.notice({ tag: ViewerNoticeTag.Welcome, version: 1, level });
  }

  raw(bytes: Uint8Array): void {
    this.#socket?.send(Buffer.from(bytes));
  }

  async drop(): Promise<void> {
    await this.#socket?.close();
  }

  #send(message: ViewerMessage): void {
    const writer = new TreeWriter();
    ViewerMessage.write(writer, message);
    this.#socket?.send(Buffer.from(writer.take()));
  }
}
