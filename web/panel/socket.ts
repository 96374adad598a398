// The panel's connection to Lado: JSON text, reconnecting with a token that only this page's memory holds.

import type { Detector } from "../../injected/boot";
import { Detectors } from "../../injected/detect";
import type { Company, Permission } from "../shared/api";
import {
  type Ask,
  Conversation,
  type Entry,
  type News,
  type Person,
  type Saying,
} from "../shared/conversation";
import { language, onLanguage } from "../shared/i18n";
import { Pulse } from "../shared/pulse";

export interface PanelState {
  phase: "invited" | "waiting" | "active" | "ended";
  /** Six digits, while there is one to read out. */
  pin?: string | null;
  /** RFC 3339. */
  pin_expires?: string | null;
  level: Permission;
  company: Company;
  /** The agent who made the link. */
  agent?: { display: string; role?: string } | null;
  /** The agents who have been let in; `here` when they see the page at the moment. */
  agents: (Person & { here?: boolean; photo?: string })[];
  /** What one of them asks; `open` is where a yes to an address leads. */
  request?: ({ id: number; by: Person; open?: string } & Ask) | null;
  /** The customer has blanked the view. */
  paused?: boolean;
  /** How many elements the customer has hidden by hand and can show again. */
  hidden?: number;
  /** Names what was hidden last of those. */
  hidden_last?: string;
  /** How many viewers show the page at the moment. */
  viewers: number;
  /** Whether this browser's page is connected. */
  online: boolean;
  session_started?: string | null;
  /** Something is decided that Lado has not heard of, because the connection is away. */
  kept?: boolean;
}

export type Connection = "connecting" | "open" | "lost" | "ended";

type Incoming =
  | ({ type: "state"; token?: string } & PanelState)
  | { type: "token"; token: string }
  | { type: "ended" }
  | { type: "beat" }
  | { type: "reconnect"; after: number }
  | { type: "detectors"; detectors: Detector[] }
  | News
  | { type: "error"; error?: { code?: string } };

type Decision =
  | { type: "level"; level: Permission }
  | { type: "pause"; paused: boolean }
  | { type: "answer"; id: number; yes: boolean }
  | { type: "show"; last: string }
  | { type: "pin" }
  | { type: "end" };

const FIRST_RETRY = 400;
const LAST_RETRY = 4000;

export class PanelSocket {
  #socket: WebSocket | null = null;
  #token: string | null = null;
  #retry = FIRST_RETRY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  /** Lado has answered on this connection. */
  #ready = false;
  #quiet = false;
  #state: PanelState | null = null;
  /** What the customer has decided, until Lado's own word shows it: sent again on every new connection. */
  readonly #decided = new Map<Decision["type"], Decision>();
  onstate: (state: PanelState) => void = () => {};
  onconnection: (connection: Connection) => void = () => {};
  /** New messages of agents. */
  onmessage: (messages: readonly Entry[]) => void = () => {};
  readonly conversation: Conversation;
  #detectors: Detectors | null = null;
  readonly #pulse = new Pulse({
    quiet: (quiet) => {
      this.#quiet = quiet;
      this.onconnection(quiet ? "lost" : "open");
      this.#show();
    },
    dead: () => this.#lost(),
  });

  constructor(readonly ticket: string) {
    this.conversation = new Conversation(
      "customer",
      (message) => this.#say(message),
      `chat.${ticket.split(".")[0]}`,
    );
    onLanguage(() => this.conversation.readIn(language()));
    addEventListener("online", () => this.#again(0));
    addEventListener("offline", () => this.#lost());
  }

  open(): void {
    if (this.#over || this.#socket) return;
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/panel/socket`);
    this.#socket = socket;
    this.#pulse.start();
    socket.onopen = () => {
      const proof = this.#token ? { token: this.#token } : { ticket: this.ticket };
      socket.send(
        JSON.stringify({ type: "hello", ...proof, after: this.conversation.last, language: language() }),
      );
    };
    socket.onmessage = (event: MessageEvent) => {
      if (this.#socket !== socket) return;
      this.#pulse.beat();
      this.#receive(String(event.data));
    };
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #lost(wait = this.#retry): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    this.#quiet = false;
    this.#pulse.stop();
    if (!socket) return;
    socket.close();
    if (this.#over) return;
    this.onconnection("lost");
    this.#show();
    this.#again(wait * (0.75 + Math.random() / 2));
    this.#retry = Math.min(this.#retry * 2, LAST_RETRY);
  }

  level(level: Permission): void {
    this.#decide({ type: "level", level });
  }

  pause(paused: boolean): void {
    this.#decide({ type: "pause", paused });
  }

  /** Shows again what was hidden by hand last. */
  show(): void {
    this.#decide({ type: "show", last: this.#state?.hidden_last ?? "" });
  }

  answer(id: number, yes: boolean): void {
    this.#decide({ type: "answer", id, yes });
  }

  /** Whether a text holds something that agents are not to read. */
  isPrivate(text: string): boolean {
    return this.#detectors?.cover([text], "") != null;
  }

  newPin(): void {
    this.#decide({ type: "pin" });
  }

  end(): void {
    this.#decide({ type: "end" });
  }

  /** What may be lost, or is sent again by who says it. */
  #say(message: Saying): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN || !this.#ready) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #decide(decision: Decision): void {
    // In the order in which they were made.
    this.#decided.delete(decision.type);
    this.#decided.set(decision.type, decision);
    if (this.#ready) this.#socket?.send(JSON.stringify(decision));
    this.#show();
  }

  /** Tells what Lado knows, and while the connection is away what the customer has decided since. */
  #show(): void {
    const state = this.#state;
    if (!state) return;
    if (this.#ready && !this.#quiet) return this.onstate(state);
    const shown = { ...state, kept: this.#decided.size > 0 };
    for (const decision of this.#decided.values()) {
      if (decision.type === "level") shown.level = decision.level;
      else if (decision.type === "pause") shown.paused = decision.paused;
      else if (decision.type === "show") shown.hidden = Math.max(0, (state.hidden ?? 0) - 1);
      else if (decision.type === "answer" && shown.request?.id === decision.id) shown.request = null;
    }
    this.onstate(shown);
  }

  #receive(text: string): void {
    let message: Incoming;
    try {
      message = JSON.parse(text) as Incoming;
    } catch {
      return;
    }
    switch (message.type) {
      case "token":
        this.#token = message.token;
        break;
      case "state": {
        if (message.token) this.#token = message.token;
        this.#retry = FIRST_RETRY;
        this.onconnection("open");
        this.#state = message;
        for (const decision of this.#decided.values())
          if (isTaken(decision, message)) this.#decided.delete(decision.type);
        if (!this.#ready) {
          this.#ready = true;
          for (const decision of this.#decided.values()) this.#socket?.send(JSON.stringify(decision));
          this.conversation.connected();
        }
        this.#show();
        if (message.phase === "ended") this.#end();
        break;
      }
      case "detectors":
        this.#detectors = new Detectors(message.detectors);
        break;
      case "said":
      case "marks":
      case "typing":
      case "translated":
      case "refused": {
        const fresh = this.conversation.hear(message);
        if (fresh.length) this.onmessage(fresh);
        break;
      }
      case "ended":
        this.#end();
        break;
      case "reconnect":
        this.#lost(message.after);
        break;
    }
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#pulse.stop();
    this.onconnection("ended");
    this.#socket?.close();
  }

  #again(after: number): void {
    if (this.#over || this.#socket) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), after);
  }
}

/** Whether Lado's word shows that it knows of a decision. */
function isTaken(decision: Decision, state: PanelState): boolean {
  switch (decision.type) {
    case "level":
      return state.level === decision.level;
    case "pause":
      return (state.paused ?? false) === decision.paused;
    case "answer":
      return state.request?.id !== decision.id;
    case "show":
      // Or hidden something else since: nothing is shown again that was not asked for.
      return state.hidden_last !== decision.last;
    case "pin":
      return Date.parse(state.pin_expires ?? "") > Date.now();
    case "end":
      return state.phase === "ended";
  }
}
