// The viewer's protocol spoken by hand: what a modified viewer could send, and what the agent's browser was told.

import type { Frame } from "@playwright/test";
import {
  type Action,
  NodeKind,
  type Op,
  OpTag,
  type Refusal,
  VERSION,
  ViewerMessage,
  ViewerMessageTag,
  ViewerNoticeTag,
  ViewerRequest,
  ViewerRequestTag,
} from "../../injected/protocol/messages";
import { TreeReader, TreeWriter } from "../../injected/protocol/trees";
import type { TreeNode } from "../../injected/protocol/wire";
import type { Agent } from "./people";

export interface Answer {
  refusal: Refusal | null;
  rule: string;
}

/** A second connection to the session, from the viewer's own page, without any of the viewer's manners. */
export class HandMade {
  #next = 1000;
  /** Elements of the snapshot: id, tag, attributes, and the text inside. */
  elements: MirrorElement[] = [];

  private constructor(private readonly frame: Frame) {}

  static async connect(agent: Agent, session: string): Promise<HandMade> {
    const viewer = await agent.page.evaluate(async (session) => {
      const answer = await fetch(`/api/sessions/${session}/viewer`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      return ((await answer.json()) as { url: string }).url;
    }, session);
    const made = new HandMade(await agent.viewer());
    await made.frame.evaluate(
      ({ url, hello }) =>
        new Promise<void>((resolve, reject) => {
          const socket = new WebSocket(url);
          socket.binaryType = "arraybuffer";
          const heard: number[][] = [];
          socket.onmessage = ({ data }) => heard.push([...new Uint8Array(data as ArrayBuffer)]);
          socket.onerror = () => reject(new Error("no connection"));
          socket.onopen = () => {
            socket.send(new Uint8Array(hello));
            resolve();
          };
          Object.assign(window, { handMade: { socket, heard } });
        }),
      {
        url: `${new URL(viewer).origin.replace(/^http/, "ws")}/__lado/watch`,
        hello: bytes({
          tag: ViewerRequestTag.Hello,
          version: VERSION,
          ticket: new URL(viewer).hash.slice(1),
        }),
      },
    );
    await made.#until((op) => {
      if (op.tag !== OpTag.Snapshot) return false;
      made.elements = elements(op.base, op.tree as readonly TreeNode[]);
      return true;
    });
    return made;
  }

  async act(action: Action): Promise<Answer> {
    const id = this.#next++;
    await this.send({ tag: ViewerRequestTag.Act, id, action });
    for (;;) {
      for (const message of await this.#heard()) {
        if (message.tag !== ViewerMessageTag.Notice) continue;
        const { notice } = message;
        if (notice.tag === ViewerNoticeTag.Acted && notice.id === id) return notice;
      }
    }
  }

  async send(request: ViewerRequest): Promise<void> {
    await this.frame.evaluate((bytes) => {
      const { handMade } = window as unknown as { handMade: { socket: WebSocket } };
      handMade.socket.send(new Uint8Array(bytes));
    }, bytes(request));
  }

  /** The first element that fits. */
  find(fits: (element: MirrorElement) => boolean): MirrorElement {
    const found = this.elements.find(fits);
    if (!found) throw new Error("the mirror has no such element");
    return found;
  }

  async close(): Promise<void> {
    await this.frame.evaluate(() => {
      (window as unknown as { handMade: { socket: WebSocket } }).handMade.socket.close();
    });
  }

  async #until(fits: (op: Op) => boolean): Promise<void> {
    for (;;) {
      for (const message of await this.#heard()) {
        if (message.tag === ViewerMessageTag.Ops && message.ops.some(fits)) return;
      }
    }
  }

  /** Waits for at least one message and takes all there are. */
  async #heard() {
    const waiting = await this.frame.waitForFunction(() => {
      const { handMade } = window as unknown as { handMade: { heard: number[][]; socket: WebSocket } };
      if (handMade.heard.length === 0 && handMade.socket.readyState > 1) return "closed";
      return handMade.heard.length > 0 ? handMade.heard.splice(0) : null;
    });
    const heard = await waiting.jsonValue();
    if (heard === "closed" || heard === null) throw new Error("Lado closed the connection");
    return heard.map((bytes) => ViewerMessage.read(new TreeReader(new Uint8Array(bytes))));
  }
}

export interface MirrorElement {
  id: number;
  tag: string;
  attrs: Record<string, string>;
  text: string;
}

/** Numbers the nodes of a tree as the protocol does: in document order, with jumps where nodes are left out. */
function elements(base: number, tree: readonly TreeNode[]): MirrorElement[] {
  const all: MirrorElement[] = [];
  const open: (MirrorElement | null)[] = [];
  let id = base;
  for (const node of tree) {
    if (node.kind === NodeKind.End) {
      open.pop();
    } else if (node.kind === NodeKind.At) {
      id = node.id;
    } else if (node.kind === NodeKind.Text) {
      id++;
      for (const element of open) if (element) element.text += node.text;
    } else if ("tag" in node) {
      const element = { id: id++, tag: node.tag, attrs: Object.fromEntries(node.attrs), text: "" };
      all.push(element);
      open.push(element);
    } else {
      id++;
      open.push(null);
    }
  }
  return all;
}

function bytes(request: ViewerRequest): number[] {
  const writer = new TreeWriter();
  ViewerRequest.write(writer, request);
  return [...writer.take()];
}

/** One line on a frame of the viewer's socket, for the one who reads why a test has failed. */
export function summary(way: string, frame: Buffer): string {
  try {
    const reader = new TreeReader(new Uint8Array(frame));
    if (way === ">") {
      const request = ViewerRequest.read(reader);
      return request.tag === ViewerRequestTag.Act ? `> ${JSON.stringify(request)}` : "";
    }
    const message = ViewerMessage.read(reader);
    if (message.tag === ViewerMessageTag.Notice) {
      return message.notice.tag === ViewerNoticeTag.Pointer ? "" : `< ${JSON.stringify(message.notice)}`;
    }
    return `< ${message.ops.length} ops, ${frame.length} bytes: ${message.ops.map((op) => op.tag).join(" ")}`;
  } catch (error) {
    return `${way} ${frame.length} bytes: ${error}`;
  }
}

/** Every string that a viewer's message carries, as the viewer decodes it. */
export function strings(frame: Buffer): string[] {
  const found: string[] = [];
  const walk = (value: unknown) => {
    if (typeof value === "string") found.push(value);
    else if (value && typeof value === "object") for (const inner of Object.values(value)) walk(inner);
  };
  // The agent's side of the conversation is JSON.
  if (frame[0] === 0x7b) walk(JSON.parse(frame.toString("utf8")));
  else walk(ViewerMessage.read(new TreeReader(new Uint8Array(frame))));
  return found;
}
