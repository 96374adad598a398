// A TCP relay between a browser and Lado: keeps every byte that went to the browser, and can cut all connections.

import { type AddressInfo, createServer, type Server, type Socket, connect as tcpConnect } from "node:net";

export class Relay {
  #server: Server;
  #sockets = new Set<Socket>();
  #received: Buffer[] = [];
  #blocked = false;
  /** What lies in the middle of a silent network goes on when it is back, as TCP does. */
  #silent = false;
  #held: (() => void)[] = [];

  private constructor(target: number) {
    this.#server = createServer((downstream) => {
      if (this.#blocked) {
        downstream.destroy();
        return;
      }
      const upstream = tcpConnect(target, "127.0.0.1");
      for (const [from, to] of [
        [downstream, upstream],
        [upstream, downstream],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => to.destroy());
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.on("end", () => this.#pass(() => to.end()));
        from.on("data", (bytes: Buffer) => {
          if (from === upstream) this.#received.push(Buffer.from(bytes));
          this.#pass(() => to.write(bytes));
        });
      }
    });
  }

  static async to(target: number): Promise<Relay> {
    const relay = new Relay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Everything that the browser was sent, in the order of arrival. */
  received(): Buffer {
    return Buffer.concat(this.#received);
  }

  forget(): void {
    this.#received = [];
  }

  /** Cuts every connection; new ones are refused until `mend`. */
  cut(): void {
    this.#blocked = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Says nothing any more, and closes nothing: what a laptop sees whose network is gone. */
  silence(): void {
    this.#silent = true;
  }

  mend(): void {
    this.#blocked = false;
    this.#silent = false;
    for (const pass of this.#held.splice(0)) pass();
  }

  #pass(pass: () => void): void {
    if (this.#silent) this.#held.push(pass);
    else pass();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
