// The agent's side of the conversation: chat, requests and events over one socket, always reconnecting.

import { type Ask, Conversation, type Entry, type News, type Saying } from "../shared/conversation";
import { language, onLanguage } from "../shared/i18n";
import { Pulse } from "../shared/pulse";

export type Wanted =
  | { what: "control" }
  | { what: "open"; url: string }
  | { what: "hand_over" | "invite"; who: string };

type Incoming = News | { type: "ended" } | { type: "beat" } | { type: "reconnect"; after: number };
type Outgoing = Saying | ({ type: "ask" } & Wanted) | { type: "withdraw" };

const FIRST_RETRY = 400;
const LAST_RETRY = 4000;

export interface Listener {
  /** New messages of others. */
  messages(entries: readonly Entry[]): void;
  /** Lado refused a question; `code` is its own word for why. */
  refused(code: string): void;
}

export class Talk {
  readonly conversation: Conversation;
  #socket: WebSocket | null = null;
  #open = false;
  #over = false;
  #retry = FIRST_RETRY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #stop: () => void;
  readonly #pulse = new Pulse({ quiet: () => {}, dead: () => this.#lost() });

  constructor(
    private readonly session: string,
    private readonly listener: Listener,
  ) {
    this.conversation = new Conversation("agent", (message) => this.#send(message), `chat.${session}`);
    this.#stop = onLanguage(() => this.conversation.readIn(language()));
    this.#connect();
  }

  ask(wanted: Wanted): void {
    this.#send({ type: "ask", ...wanted });
  }

  withdraw(): void {
    this.#send({ type: "withdraw" });
  }

  close(): void {
    this.#over = true;
    this.#stop();
    clearTimeout(this.#timer);
    this.#pulse.stop();
    this.#socket?.close();
  }

  #connect(): void {
    const address = `${location.origin.replace(/^http/, "ws")}/api/sessions/${this.session}/talk`;
    const socket = new WebSocket(address);
    this.#socket = socket;
    this.#pulse.start();
    socket.onopen = () => {
      this.#open = true;
      this.#retry = FIRST_RETRY;
      socket.send(JSON.stringify({ type: "hello", after: this.conversation.last, language: language() }));
      this.conversation.connected();
    };
    socket.onmessage = (event: MessageEvent) => {
      if (this.#socket !== socket) return;
      this.#pulse.beat();
      this.#hear(JSON.parse(String(event.data)) as Incoming);
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #hear(message: Incoming): void {
    switch (message.type) {
      case "beat":
        break;
      case "ended":
        this.close();
        break;
      case "reconnect":
        this.#lost(message.after);
        break;
      default: {
        if (message.type === "refused" && message.key === undefined) {
          this.listener.refused(message.error.code);
          break;
        }
        const first = this.conversation.last === 0;
        const fresh = this.conversation.hear(message);
        // What was there before is no news.
        if (fresh.length && !first) this.listener.messages(fresh);
      }
    }
  }

  #send(message: Outgoing): boolean {
    if (!this.#open) return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  #lost(wait = this.#retry): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#open = false;
    this.#pulse.stop();
    socket?.close();
    if (this.#over) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
    this.#retry = Math.min(this.#retry * 2, LAST_RETRY);
  }
}

export type { Ask };
