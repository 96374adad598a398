// The page's line to Lado: batches of ops out, commands in; it connects again by itself and sends again what was lost.

import { listen, uncurry } from "./capture/dom";
import { guard } from "./guard";
import {
  MAX_MESSAGE,
  type Op,
  PageCommand,
  PageCommandTag,
  PageMessage,
  PageMessageTag,
  VERSION,
} from "./protocol/messages";
import { Typing } from "./protocol/typed";
import { Reader, Writer } from "./protocol/wire";

/** What is kept to be sent again after a reconnect; beyond that the page is told anew. */
const MAX_UNACKED = 2 * 1024 * 1024;

/** With more than this on its way, changes wait in the page, where they add up to fewer. */
const MAX_BUFFERED = 1024 * 1024;

const FIRST_RETRY_MS = 300;
const LAST_RETRY_MS = 5000;
/** Lado says something every second: after this long without it the line is dead. */
const SILENCE_MS = 6000;
const LOOK_MS = 1000;
/** Lado has no room for the document now, and may have later. */
const FULL = 4008;
const FULL_RETRY_MS = 30_000;
/** The session is over, and Lado had no line to say it on. */
const OVER = 4004;
/** Lado keeps its copy of the page for a minute; so long this many take at least. */
const FAILURES = 24;

// Taken before the page can replace them.
const { WebSocket: NativeSocket, setTimeout: later, clearTimeout: never } = window;
const { random, min } = Math;
const now = performance.now.bind(performance);
const sendOn = uncurry(NativeSocket.prototype.send) as (
  socket: WebSocket,
  bytes: Uint8Array<ArrayBuffer>,
) => void;
const closeOf = uncurry(NativeSocket.prototype.close) as (socket: WebSocket) => void;

export interface Page {
  /** The whole page, as ops. */
  snapshot(): readonly Op[];
  /** May send again what has changed. */
  ready(): void;
  command(command: PageCommand): void;
  /** Nobody needs what changes until the next snapshot. */
  rest(): void;
}

export class Line {
  #socket: WebSocket | null = null;
  #writer = new Writer();
  #typing = new Typing();
  /** Welcome has come: ops may go out. */
  #open = false;
  #over = false;
  #seq = 0;
  #unacked: { seq: number; ops: readonly Op[]; size: number }[] = [];
  #size = 0;
  #lossy = false;
  #failures = 0;
  #timer = 0;
  #heard = 0;
  #watch = 0;

  constructor(
    private readonly address: string,
    /** Random for each document. */
    private readonly id: string,
    private readonly tab: string,
    private readonly page: Page,
  ) {
    this.#connect();
  }

  /** Whether ops may be sent now; where not, `Page.ready` is called when they may. */
  get ready(): boolean {
    return this.#open && (this.#socket?.bufferedAmount ?? 0) < MAX_BUFFERED;
  }

  get open(): boolean {
    return this.#open;
  }

  batch(ops: readonly Op[]): void {
    if (!ops.length || !this.#open) return;
    const batch = { seq: ++this.#seq, ops, size: 0 };
    const letter = this.#typing.of(ops);
    batch.size = this.send(
      letter ? { tag: PageMessageTag.Typed, letter } : { tag: PageMessageTag.Batch, seq: batch.seq, ops },
    );
    if (batch.size > MAX_MESSAGE) {
      // It was not sent: Lado would close the socket. Lado tells the agent, and asks for a snapshot after a while.
      this.#seq--;
      this.#drop();
      this.send({ tag: PageMessageTag.TooLarge });
      return;
    }
    this.#unacked.push(batch);
    this.#size += batch.size;
    if (this.#size > MAX_UNACKED && this.#unacked.length > 1) this.#drop();
  }

  /** Sends one message and returns its size. */
  send(message: PageMessage): number {
    const socket = this.#socket;
    if (socket?.readyState !== NativeSocket.OPEN) return 0;
    PageMessage.write(this.#writer, message);
    const { length } = this.#writer;
    if (length > MAX_MESSAGE) this.#writer.undo();
    else sendOn(socket, this.#writer.take());
    return length;
  }

  /** Connects now, if it was waiting to. */
  retry(): void {
    if (!this.#socket && !this.#over) this.#connect();
  }

  close(): void {
    never(this.#watch);
    this.#open = false;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) closeOf(socket);
  }

  /** The session is over: never again. */
  end(): void {
    this.#over = true;
    this.close();
  }

  #drop(): void {
    this.#unacked = [];
    this.#size = 0;
    this.#lossy = true;
  }

  #connect(): void {
    never(this.#timer);
    const socket = new NativeSocket(this.address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#writer = new Writer();
    this.#heard = now();
    this.#look();
    const mine = (run: (event: MessageEvent & CloseEvent) => void) =>
      guard((event: Event) => {
        if (this.#socket === socket) run(event as MessageEvent & CloseEvent);
      });
    listen(
      socket,
      "open",
      mine(() => {
        const visible = !document.hidden;
        const url = location.origin + location.pathname;
        this.send({
          tag: PageMessageTag.Hello,
          version: VERSION,
          page: this.id,
          tab: this.tab,
          url,
          sent: this.#seq,
          visible,
        });
      }),
    );
    listen(
      socket,
      "message",
      // Lado encodes a command once for every page: each has a dictionary of its own.
      mine(({ data }) => {
        this.#heard = now();
        this.#receive(PageCommand.read(new Reader(new Uint8Array(data))));
      }),
    );
    listen(
      socket,
      "close",
      mine(({ code }) => {
        if (code === OVER) this.page.command({ tag: PageCommandTag.Ended });
        else this.#lost(code === FULL ? FULL_RETRY_MS : 0);
      }),
    );
  }

  /** A socket does not tell that its network is gone. */
  #look(): void {
    never(this.#watch);
    this.#watch = later(
      guard(() => {
        if (now() - this.#heard > SILENCE_MS) this.#lost();
        else this.#look();
      }),
      LOOK_MS,
    );
  }

  #lost(after = 0): void {
    this.close();
    if (this.#over) return;
    if (this.#failures > FAILURES) {
      // What changes from now on is a batch that Lado never gets.
      this.#seq++;
      this.#drop();
      this.page.rest();
    }
    const wait = after || min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    // Half of it by chance, so that pages that lost the same Lado do not come back as one.
    this.#timer = later(
      guard(() => this.retry()),
      wait * (0.5 + random() / 2),
    );
  }

  #receive(command: PageCommand): void {
    switch (command.tag) {
      case PageCommandTag.Welcome:
        if (command.version !== VERSION) {
          this.end();
          return;
        }
        this.#failures = 0;
        this.#open = true;
        this.#resume(command.received, command.snapshot);
        break;
      case PageCommandTag.Ack:
        this.#acked(command.seq);
        break;
      case PageCommandTag.Resync:
        this.batch(this.page.snapshot());
        return;
      case PageCommandTag.Reconnect:
        this.#lost(command.after);
        return;
    }
    this.page.command(command);
  }

  #acked(seq: number): void {
    while (this.#unacked[0] && this.#unacked[0].seq <= seq) this.#size -= this.#unacked.shift()?.size ?? 0;
    // All that was dropped has arrived.
    if (seq === this.#seq) this.#lossy = false;
  }

  /** Goes on where Lado's copy ends, or begins anew where that cannot be. */
  #resume(received: number, snapshot: boolean): void {
    this.#acked(received);
    const first = this.#unacked[0]?.seq ?? this.#seq + 1;
    if (snapshot || this.#lossy || first !== received + 1) {
      if (this.#seq) this.send({ tag: PageMessageTag.Restart });
      this.#drop();
      this.#lossy = false;
      this.#seq = received;
      this.batch(this.page.snapshot());
      return;
    }
    for (const batch of this.#unacked)
      this.send({ tag: PageMessageTag.Batch, seq: batch.seq, ops: batch.ops });
    this.page.ready();
  }
}
