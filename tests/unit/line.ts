// A stand-in for Lado on one port: it serves a page with the injected script and keeps a plain mirror of what it says.

import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Boot, PageRules } from "../../injected/boot";
import {
  type Action,
  Level,
  NodeKind,
  type Op,
  OpTag,
  PageCommand,
  PageCommandTag,
  PageMessage,
  PageMessageTag,
  type Refusal,
  VERSION,
} from "../../injected/protocol/messages";
import { BASIS, Groups, number, text } from "../../injected/protocol/sum";
import { TreeReader, TreeWriter } from "../../injected/protocol/trees";
import type { TreeNode } from "../../injected/protocol/wire";
import { bundleLate } from "../../web/build.mjs";
import { unframe } from "./frame";

export interface MirrorNode {
  id: number;
  kind: NodeKind;
  tag: string;
  attrs: Map<string, string>;
  text: string;
  parent: MirrorNode | null;
  children: MirrorNode[];
}

/** Applies ops and takes no nonsense: what does not fit throws. */
export class Mirror {
  nodes = new Map<number, MirrorNode>();
  snapshots = 0;
  /** Values that came in parts. */
  splices = 0;
  checks = 0;
  highest = 1;
  ops: Op[] = [];
  title = "";
  url = "";
  values = new Map<number, string>();
  checked = new Map<number, boolean>();
  selected = new Map<number, readonly number[]>();
  sheets = new Map<number, string>();
  defined = new Map<number, string>();
  adopted = new Map<number, readonly string[]>();
  scroll = new Map<number, [number, number]>();
  opaque = new Set<number>();
  focus = 0;
  caret = { node: 0, start: 0, end: 0 };

  node(id: number): MirrorNode {
    const node = this.nodes.get(id);
    if (!node) throw new Error(`there is no node ${id}`);
    return node;
  }

  apply(op: Op): void {
    this.ops.push(op);
    switch (op.tag) {
      case OpTag.Snapshot: {
        this.snapshots++;
        this.nodes.clear();
        const page = {
          id: 1,
          kind: NodeKind.Document,
          tag: "",
          attrs: new Map(),
          text: "",
          parent: null,
          children: [],
        };
        this.nodes.set(1, page);
        this.title = op.title;
        this.url = op.url;
        this.#insert(page, 0, op.base, op.tree as TreeNode[]);
        break;
      }
      case OpTag.Insert:
        this.#insert(this.node(op.parent), op.prev, op.base, op.tree as TreeNode[]);
        break;
      case OpTag.Move: {
        const node = this.node(op.node);
        const parent = this.node(op.parent);
        for (let at: MirrorNode | null = parent; at; at = at.parent) {
          if (at === node) throw new Error(`${op.node} cannot move into itself`);
        }
        node.parent?.children.splice(node.parent.children.indexOf(node), 1);
        parent.children.splice(this.#after(parent, op.prev), 0, node);
        node.parent = parent;
        break;
      }
      case OpTag.Remove:
        for (const id of op.nodes) {
          const node = this.node(id);
          node.parent?.children.splice(node.parent.children.indexOf(node), 1);
          this.#forget(node);
        }
        break;
      case OpTag.SetAttr:
        if (op.value === null) this.node(op.node).attrs.delete(op.name);
        else this.node(op.node).attrs.set(op.name, op.value);
        break;
      case OpTag.SetText:
        this.node(op.node).text = op.text;
        break;
      case OpTag.SetTitle:
        this.title = op.title;
        break;
      case OpTag.SetUrl:
        this.url = op.url;
        break;
      case OpTag.SetValue:
        this.values.set(this.node(op.node).id, op.value);
        break;
      case OpTag.Splice: {
        const value = this.values.get(this.node(op.node).id);
        if (value === undefined || op.at + op.cut > value.length)
          throw new Error(`no part ${op.at} of ${value}`);
        this.values.set(op.node, value.slice(0, op.at) + op.text + value.slice(op.at + op.cut));
        this.splices++;
        break;
      }
      case OpTag.Caret:
        this.caret = op;
        break;
      case OpTag.SetChecked:
        this.checked.set(this.node(op.node).id, op.checked);
        break;
      case OpTag.SetSelected:
        this.selected.set(
          this.node(op.node).id,
          op.options.map((id) => this.node(id).id),
        );
        break;
      case OpTag.Scroll:
        this.scroll.set(this.node(op.node).id, [op.x, op.y]);
        break;
      case OpTag.SetSheet:
        this.sheets.set(this.node(op.node).id, op.css);
        break;
      case OpTag.InsertRule: {
        // Only rules at the top of a sheet, which is what the tests insert.
        const known = (op.node ? this.sheets.get(op.node) : this.defined.get(op.sheet)) ?? "";
        const rules = known ? known.split("\n") : [];
        rules.splice(op.path[0] ?? 0, 0, op.css);
        if (op.node) this.sheets.set(op.node, rules.join("\n"));
        else this.defined.set(op.sheet, rules.join("\n"));
        break;
      }
      case OpTag.DefineSheet:
        this.defined.set(op.sheet, op.css);
        break;
      case OpTag.Adopt:
        this.node(op.node);
        this.adopted.set(
          op.node,
          op.sheets.map((sheet) => this.defined.get(sheet) ?? "undefined"),
        );
        break;
      case OpTag.SetAdopted:
        this.adopted.set(this.node(op.node).id, op.sheets);
        break;
      case OpTag.Opaque:
        this.opaque.add(this.node(op.node).id);
        break;
      case OpTag.Focus:
        this.focus = op.node;
        break;
      case OpTag.Check: {
        this.checks++;
        const own = this.#sums(this.node(op.node), op.sums.length);
        const wrong = own.findIndex((sum, i) => sum !== op.sums[i]);
        if (wrong >= 0 || own.length !== op.sums.length)
          throw new Error(`group ${wrong} of ${op.sums.length} from ${op.node} on differs`);
        break;
      }
    }
  }

  /** What src/mirror/beside.rs makes of a text that is typed. */
  typed(text: string): Op[] {
    const { node, start, end } = this.caret;
    const behind = start + text.length;
    return [
      { tag: OpTag.Splice, node, at: start, cut: end - start, text },
      { tag: OpTag.Caret, node, start: behind, end: behind },
    ];
  }

  /** What src/mirror/check.rs makes of the same tree. */
  #sums(from: MirrorNode, most: number): number[] {
    const groups = new Groups();
    let at: MirrorNode | undefined = from;
    while (at && groups.sums.length < most) {
      const node: MirrorNode = at;
      let sum = number(number(number(BASIS, node.kind), node.id), node.parent?.id ?? 0);
      if (node.kind === NodeKind.Text) sum = text(sum, node.text);
      else if (node.tag) {
        let all = 0;
        for (const [name, value] of node.attrs)
          all = (all + text(number(text(BASIS, name), 0x3d), value)) | 0;
        sum = number(text(sum, node.tag), all);
      }
      groups.node(sum);
      at = node.children[0];
      for (let up = node; !at && up.parent; up = up.parent)
        at = up.parent.children[up.parent.children.indexOf(up) + 1];
    }
    return groups.finish();
  }

  #after(parent: MirrorNode, prev: number): number {
    const first = parent.children[0]?.kind === NodeKind.Shadow ? 1 : 0;
    if (prev === 0) return first;
    const at = parent.children.indexOf(this.node(prev));
    if (at < 0) throw new Error(`${prev} is not a child of ${parent.id}`);
    return at + 1;
  }

  #insert(parent: MirrorNode, prev: number, base: number, tree: readonly TreeNode[]): void {
    let at = this.#after(parent, prev);
    let open = parent;
    let id = base;
    for (const it of tree) {
      if (it.kind === NodeKind.End) {
        open = open.parent ?? parent;
        continue;
      }
      if (it.kind === NodeKind.At) throw new Error("pages number without gaps");
      const node: MirrorNode = {
        id: id++,
        kind: it.kind,
        tag: "tag" in it ? it.tag : "",
        attrs: new Map("attrs" in it ? it.attrs : []),
        text: "text" in it ? it.text : "",
        parent: open,
        children: [],
      };
      if (this.nodes.has(node.id)) throw new Error(`${node.id} is taken`);
      this.nodes.set(node.id, node);
      const [first] = open.children;
      if (node.kind === NodeKind.Document && first) throw new Error("a frame has room for one document");
      if (node.kind === NodeKind.Shadow && first?.kind === NodeKind.Shadow)
        throw new Error("two shadow roots");
      if (node.id <= this.highest) throw new Error(`${node.id} is not new`);
      this.highest = node.id;
      if (open !== parent) open.children.push(node);
      else if (node.kind === NodeKind.Shadow) parent.children.unshift(node);
      else parent.children.splice(at++, 0, node);
      if (node.kind !== NodeKind.Text) open = node;
    }
  }

  #forget(node: MirrorNode): void {
    this.nodes.delete(node.id);
    for (const child of node.children) this.#forget(child);
  }

  /** One line for each node, the same that `describe` makes of the page's own DOM. */
  lines(): string[] {
    const out: string[] = [];
    const walk = (node: MirrorNode, depth: number): void => {
      const attrs = [...node.attrs].map(([name, value]) => `${name}=${JSON.stringify(value)}`).sort();
      const what =
        node.kind === NodeKind.Text
          ? JSON.stringify(node.text)
          : node.kind === NodeKind.Shadow
            ? "#shadow"
            : node.kind === NodeKind.Document
              ? "#document"
              : [node.tag, ...attrs].join(" ");
      out.push(" ".repeat(depth) + what);
      for (const child of node.children) walk(child, depth + 1);
    };
    walk(this.node(1), 0);
    return out;
  }

  find(test: (node: MirrorNode) => boolean): MirrorNode {
    for (const node of this.nodes.values()) if (test(node)) return node;
    throw new Error("there is no such node");
  }

  byElementId(id: string): MirrorNode {
    return this.find((node) => node.attrs.get("id") === id);
  }
}

/** Runs in the page: what `Mirror.lines` should say. */
export function describe(): string[] {
  const out: string[] = [];
  const walk = (node: Node, depth: number): void => {
    const indent = " ".repeat(depth);
    if (node.nodeType === 3) out.push(indent + JSON.stringify((node as Text).data));
    if (node.nodeType === 9) out.push(`${indent}#document`);
    if (node.nodeType === 11) out.push(`${indent}#shadow`);
    if (node.nodeType === 1) {
      const element = node as Element;
      if (element.localName === "lado-overlay") return;
      const opaque = /^(script|noscript|template)$/.test(element.localName);
      const attrs = opaque
        ? []
        : [...element.attributes].filter(({ name }) => !/^on|^(nonce|srcdoc)$/.test(name));
      const pairs = attrs.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).sort();
      out.push(indent + [element.localName, ...pairs].join(" "));
      if (opaque) return;
      if (element.shadowRoot) walk(element.shadowRoot, depth + 1);
      const inner = (element as HTMLIFrameElement).contentDocument;
      if (inner) walk(inner, depth + 1);
      if (element.localName === "iframe") return;
    }
    if (![1, 9, 11].includes(node.nodeType)) return;
    for (const child of node.childNodes) walk(child, depth + 1);
  };
  walk(document, 0);
  return out;
}

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
let bundle: Promise<string> | undefined;

function script(): Promise<string> {
  bundle ??= build({
    absWorkingDir: root,
    entryPoints: ["injected/main.ts"],
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
  }).then(({ outputFiles }) => outputFiles[0]?.text ?? "");
  return bundle;
}

const SESSION = "abcdefghijklmnop";

export const NO_RULES: PageRules = { mask: [], unmask: [], lock: [], names: [], detectors: [] };

export class StandIn {
  mirror = new Mirror();
  messages: PageMessage[] = [];
  hellos = 0;
  #beats: NodeJS.Timeout | undefined;
  received = 0;
  /** All bytes that pages have sent. */
  bytes: Buffer[] = [];
  level = Level.Control;
  /** Swallow batches without acknowledging them, as a connection that dies does. */
  deaf = false;
  /** Hangs up on every connection, and counts them: browsers wait longer and longer for what they cannot reach. */
  closed = false;
  refused = 0;
  /** Says on each connection that the session is over. */
  over = false;
  errors: unknown[] = [];
  pages = new Map<string, string>();
  #sockets = new Set<Socket>();
  #out = new TreeWriter();
  #done = new Map<number, (refusal: Refusal | null) => void>();
  #next = 1;
  #server: Server;

  private constructor(readonly rules: PageRules) {
    this.#server = createServer(async (request, response) => {
      const url = request.url ?? "/";
      if (url === "/__lado/boot.js") {
        response.setHeader("content-type", "text/javascript; charset=utf-8");
        response.end(`(()=>{const LADO_BOOT=${JSON.stringify(this.boot())};${await script()}})()`);
        return;
      }
      if (url === "/__lado/late.js") {
        response.setHeader("content-type", "text/javascript; charset=utf-8");
        response.end(await bundleLate());
        return;
      }
      const html = this.pages.get(url.split("?")[0] ?? "");
      response.statusCode = html === undefined ? 404 : 200;
      response.setHeader("content-type", "text/html; charset=utf-8");
      const tag = `<script src="/__lado/boot.js"></script>`;
      response.end((html ?? "nothing here").replace("<head>", `<head>${tag}`));
    });
    this.#server.on("upgrade", (request, socket: Socket) =>
      this.#upgrade(request.headers["sec-websocket-key"] ?? "", socket),
    );
  }

  static async start(html: string, rules: Partial<PageRules> = {}): Promise<StandIn> {
    const it = new StandIn({ ...NO_RULES, ...rules });
    it.pages.set("/", html);
    await new Promise<void>((done) => it.#server.listen(0, "127.0.0.1", done));
    return it;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The view host. */
  get origin(): string {
    return `http://${SESSION}-www-shop-test.view.localhost:${this.#port}`;
  }

  boot(): Boot {
    return {
      version: VERSION,
      session: SESSION,
      site: "https://www.shop.test",
      view: { scheme: "http", domain: `view.localhost:${this.#port}` },
      console: `http://lado.localhost:${this.#port}`,
      panel: `http://lado.localhost:${this.#port}/panel`,
      registrable: "shop.test",
      aliases: {},
      late: "/__lado/late.js",
      rules: this.rules,
      text: { hidden: "hidden", locked: "locked", agent: "agent" },
    };
  }

  stop(): void {
    this.drop();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Cuts the page's connection. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  send(command: PageCommand): void {
    // Each has a dictionary of its own, as Lado encodes them.
    this.#out = new TreeWriter();
    PageCommand.write(this.#out, command);
    const payload = this.#out.take();
    const head =
      payload.length < 126 ? [0x82, payload.length] : [0x82, 126, payload.length >> 8, payload.length & 0xff];
    for (const socket of this.#sockets) socket.write(Buffer.concat([Buffer.from(head), payload]));
  }

  act(action: Action): Promise<Refusal | null> {
    const id = this.#next++;
    return new Promise((done) => {
      this.#done.set(id, done);
      this.send({ tag: PageCommandTag.Act, id, action });
    });
  }

  #upgrade(key: string, socket: Socket): void {
    socket.on("error", () => {});
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    if (this.closed) {
      this.refused++;
      socket.end();
      return;
    }
    if (this.over) {
      socket.end(Buffer.from([0x88, 2, 4004 >> 8, 4004 & 0xff]));
      return;
    }
    for (const other of this.#sockets) other.destroy();
    this.#sockets = new Set([socket]);
    this.#out = new TreeWriter();
    const reader = new TreeReader();
    let rest = Buffer.alloc(0);
    const parts: Buffer[] = [];
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      for (;;) {
        const frame = unframe(rest);
        if (!frame) return;
        rest = rest.subarray(frame.size);
        if (frame.opcode > 2 || !this.#sockets.has(socket)) continue;
        parts.push(frame.payload);
        if (!frame.last) continue;
        const message = Buffer.concat(parts.splice(0));
        try {
          this.bytes.push(message);
          this.#receive(PageMessage.read(reader.next(message)));
        } catch (error) {
          this.errors.push(error);
        }
      }
    });
  }

  #receive(message: PageMessage): void {
    if (this.deaf && message.tag === PageMessageTag.Batch) return;
    this.messages.push(message);
    switch (message.tag) {
      case PageMessageTag.Hello: {
        this.hellos++;
        this.#beats ??= setInterval(() => this.send({ tag: PageCommandTag.Beat }), 1000).unref();
        const snapshot = this.received === 0;
        this.send({
          tag: PageCommandTag.Welcome,
          version: VERSION,
          received: this.received,
          snapshot,
          level: this.level,
        });
        this.send({ tag: PageCommandTag.Watched, viewers: 1 });
        break;
      }
      case PageMessageTag.Batch:
        if (message.seq !== this.received + 1) throw new Error(`batch ${message.seq} after ${this.received}`);
        this.received = message.seq;
        for (const op of message.ops) this.mirror.apply(op);
        this.send({ tag: PageCommandTag.Ack, seq: message.seq });
        break;
      case PageMessageTag.Typed: {
        this.received++;
        for (const op of this.mirror.typed(String.fromCodePoint(message.letter))) this.mirror.apply(op);
        this.send({ tag: PageCommandTag.Ack, seq: this.received });
        break;
      }
      case PageMessageTag.Done:
        this.#done.get(message.id)?.(message.refusal);
        break;
    }
  }
}
