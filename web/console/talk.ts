// The agent's side of the conversation: chat, requests and events over one socket, always reconnecting.

import { type Ask, Conversation, type Entry, type News, type Saying } from "../shared/conversation";
import { language, onLanguage } from "../shared/i18n";
import { Pulse } from "../shared/pulse";

export type Wanted =
  | { what: "control" }
  | { what: "open"; url: string }
  | { what: "hand_over" | "invite"; who: string };

type Incoming = News | { type: "ended" } | { type: "beat" } | { type: "reconnect"; after: number };
type Question = ({ type: "ask" } & Wanted) | { type: "withdraw" };

const FIRST_RETRY = 400;
const LAST_RETRY = 4000;

export interface Listener {
  /** New messages of others. */
  messages(entries: readonly Entry[]): void;
  /** Lado refused a question; `code` is its own word for why. */
  refused(code: string): void;
  /** Whether a question waits for the connection is otherwise than before. */
  changed(): void;
}

export class Talk {
  readonly conversation: Conversation;
  #socket: WebSocket | null = null;
  #open = false;
  /** Lado has told all that was new to this connection. */
  #ready = false;
  #quiet = false;
  #over = false;
  #retry = FIRST_RETRY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The last question, or that it is taken back, until Lado shows that it knows: sent again on every new connection. */
  #question: Question | null = null;
  readonly #stop: () => void;
  readonly #pulse = new Pulse({
    quiet: (quiet) => {
      this.#quiet = quiet;
      this.listener.changed();
    },
    dead: () => this.#lost(),
  });

  constructor(
    private readonly session: string,
    /** As the agent is called in the conversation. */
    private readonly name: string,
    private readonly listener: Listener,
  ) {
    this.conversation = new Conversation("agent", (message) => this.#send(message), `chat.${session}`);
    this.#stop = onLanguage(() => this.conversation.readIn(language()));
    this.#connect();
  }

  ask(wanted: Wanted): void {
    this.#say({ type: "ask", ...wanted });
  }

  withdraw(): void {
    this.#say({ type: "withdraw" });
  }

  /** What is asked for as soon as the connection is back. */
  get waiting(): Wanted | null {
    return this.#question?.type === "ask" && (!this.#ready || this.#quiet) ? this.#question : null;
  }

  #say(question: Question): void {
    this.#question = question;
    if (this.#ready) this.#send(question);
    this.listener.changed();
  }

  /** What an agent has asked and taken back is told to all agents: this one's own is the answer to a question. */
  #heard({ entries }: Extract<News, { type: "said" }>): void {
    const done = { ask: "asked", withdraw: "withdrew" }[this.#question?.type ?? "ask"];
    if (!entries.some(({ event, person }) => event === done && person?.display === this.name)) return;
    this.#question = null;
    this.listener.changed();
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
          this.#question = null;
          this.listener.refused(message.error.code);
          break;
        }
        if (message.type === "said") this.#heard(message);
        // Marks come with every new connection, after all that was said meanwhile.
        if (message.type === "marks" && !this.#ready) {
          this.#ready = true;
          if (this.#question) this.#send(this.#question);
          this.listener.changed();
        }
        const first = this.conversation.last === 0;
        const fresh = this.conversation.hear(message);
        // What was there before is no news.
        if (fresh.length && !first) this.listener.messages(fresh);
      }
    }
  }

  #send(message: Saying | Question): boolean {
    if (!this.#open) return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  #lost(wait = this.#retry): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#open = false;
    this.#ready = false;
    this.#quiet = false;
    this.#pulse.stop();
    socket?.close();
    if (this.#over) return;
    this.listener.changed();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), wait * (0.75 + Math.random() / 2));
    this.#retry = Math.min(this.#retry * 2, LAST_RETRY);
  }
}

export type { Ask };
