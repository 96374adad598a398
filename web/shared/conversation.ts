// What the people of a session say to each other, as one of their apps knows it: Lado's entries, and what is still on
// its way there. A message goes out again after a reconnect until Lado has it.

export interface Person {
  display: string;
  role: string;
}

export interface Ask {
  what: "control" | "open" | "hand_over" | "invite";
  url?: string;
  who?: Person;
}

/** A message in the reader's language; without a text it could not be translated. */
export interface Translation {
  to: string;
  text?: string;
  /** The language that it was written in (ISO 639). */
  from?: string;
}

/** Numbers count up from 1 and never skip. */
export interface Entry {
  id: number;
  /** RFC 3339. */
  at: string;
  /** Of a message. */
  by?: "customer" | "agent";
  person?: Person;
  text?: string;
  /** This app's own message. */
  key?: string;
  /** A private part of the own message is hidden from the others. */
  hidden?: boolean;
  translation?: Translation;
  event?: "came" | "entered" | "allowed" | "paused" | "resumed" | "asked" | "answered" | "withdrew";
  level?: "look" | "point" | "control";
  ask?: Ask;
  yes?: boolean;
}

export interface Unsent {
  key: string;
  text: string;
  /** Lado did not take it. */
  refused: boolean;
}

export type News =
  | { type: "said"; entries: Entry[]; read?: number }
  | { type: "marks"; delivered: number; read: number }
  | { type: "typing"; person?: Person }
  | { type: "translated"; id: number; translation: Translation }
  | { type: "refused"; key?: string; error: { code: string } };

export type Saying =
  | { type: "say"; key: string; text: string }
  | { type: "typing" }
  | { type: "language"; language: string }
  | { type: "got"; delivered: number; read: number };

/** Lado takes no longer one. */
export const MAX_TEXT = 2000;
const TYPING_EVERY = 1500;
const TYPING_LASTS = 4000;

export class Conversation {
  entries: readonly Entry[] = [];
  outbox: readonly Unsent[] = [];
  /** How far the others have got. */
  marks = { delivered: 0, read: 0 };
  /** Who writes; without a person it is the customer. */
  typing: { person: Person | undefined } | null = null;
  /** The last entry that was shown to somebody who looked. */
  read = 0;
  draft = "";
  #typed = 0;
  #still: ReturnType<typeof setTimeout> | undefined;
  #told = "";
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly side: "customer" | "agent",
    private readonly send: (message: Saying) => boolean,
    /** Where what is not sent yet survives a reload. */
    private readonly memory: string,
  ) {
    try {
      const kept = JSON.parse(sessionStorage.getItem(memory) ?? "{}") as {
        outbox?: Unsent[];
        draft?: string;
      };
      this.outbox = kept.outbox ?? [];
      this.draft = kept.draft ?? "";
    } catch {
      // Storage is refused to some frames: then nothing survives.
    }
  }

  /** The number of the last known entry: Lado is asked for what came after it. */
  get last(): number {
    return this.entries.at(-1)?.id ?? 0;
  }

  /** Messages of the others that nobody has looked at here. */
  get unread(): number {
    return this.entries.filter((entry) => this.#theirs(entry) && entry.id > this.read).length;
  }

  onchange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The connection is there (again). */
  connected(): void {
    for (const { key, text, refused } of this.outbox) if (!refused) this.send({ type: "say", key, text });
    this.#told = "";
    this.#tell();
  }

  say(text: string): void {
    const key = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(36)).join("");
    this.outbox = [...this.outbox, { key, text, refused: false }];
    this.draft = "";
    this.send({ type: "say", key, text });
    this.#changed();
  }

  write(draft: string): void {
    this.draft = draft;
    this.#keep();
    const now = Date.now();
    if (!draft.trim() || now - this.#typed < TYPING_EVERY) return;
    this.#typed = now;
    this.send({ type: "typing" });
  }

  /** The reader's language is another now. */
  readIn(language: string): void {
    this.send({ type: "language", language });
  }

  /** Somebody has seen all there is. */
  look(): void {
    if (this.read >= this.last) return;
    this.read = this.last;
    this.#tell();
    this.#changed();
  }

  /** Returns the others' messages that are new. */
  hear(news: News): readonly Entry[] {
    let fresh: readonly Entry[] = [];
    switch (news.type) {
      case "said": {
        const entries = news.entries.filter((entry) => entry.id > this.last);
        this.entries = [...this.entries, ...entries];
        const keys = new Set(entries.map((entry) => entry.key));
        this.outbox = this.outbox.filter((unsent) => !keys.has(unsent.key));
        // What was read before a reload is no news.
        this.read = Math.max(this.read, news.read ?? 0);
        fresh = entries.filter((entry) => this.#theirs(entry) && entry.id > this.read);
        if (fresh.length) this.typing = null;
        this.#tell();
        break;
      }
      case "marks":
        this.marks = { delivered: news.delivered, read: news.read };
        break;
      case "typing":
        this.typing = { person: news.person };
        clearTimeout(this.#still);
        this.#still = setTimeout(() => {
          this.typing = null;
          this.#changed();
        }, TYPING_LASTS);
        break;
      case "translated": {
        const { id, translation } = news;
        this.entries = this.entries.map((entry) => (entry.id === id ? { ...entry, translation } : entry));
        break;
      }
      case "refused":
        this.outbox = this.outbox.map((unsent) =>
          unsent.key === news.key ? { ...unsent, refused: true } : unsent,
        );
        break;
    }
    this.#changed();
    return fresh;
  }

  #theirs(entry: Entry): boolean {
    if (!entry.by) return false;
    return this.side === "customer" ? entry.by === "agent" : entry.key === undefined;
  }

  #tell(): void {
    const told = `${this.last} ${this.read}`;
    if (told !== this.#told && this.send({ type: "got", delivered: this.last, read: this.read }))
      this.#told = told;
  }

  #changed(): void {
    this.#keep();
    for (const listener of this.#listeners) listener();
  }

  #keep(): void {
    try {
      sessionStorage.setItem(this.memory, JSON.stringify({ outbox: this.outbox, draft: this.draft }));
    } catch {
      // See above.
    }
  }
}
