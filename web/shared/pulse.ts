// Whether a connection is alive: Lado says something every second, so silence tells more than a socket's own state.

/** Longer than two beats and a slow line's delay; people see within three seconds that a connection is gone. */
const QUIET = 2200;
/** A line that is back by then goes on where it was; another connection takes no longer. */
const DEAD = 6000;
const LOOK = 250;

export interface Listener {
  /** Nothing comes any more, or something does again. */
  quiet(quiet: boolean): void;
  /** The connection is of no use: make another. */
  dead(): void;
}

export class Pulse {
  #heard = 0;
  #quiet = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly listener: Listener) {}

  /** A connection is being made. */
  start(): void {
    this.stop();
    this.#heard = performance.now();
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  /** Something has come. */
  beat(): void {
    this.#heard = performance.now();
    if (!this.#quiet) return;
    this.#quiet = false;
    this.listener.quiet(false);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#quiet = false;
  }

  #look(): void {
    const silence = performance.now() - this.#heard;
    if (silence > DEAD) {
      this.stop();
      this.listener.dead();
    } else if (silence > QUIET && !this.#quiet) {
      this.#quiet = true;
      this.listener.quiet(true);
    }
  }
}
