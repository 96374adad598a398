// A WebSocket client as small as thousands in one process ask for (RFC 6455): whole binary and text messages, pings answered.

import { randomBytes } from "node:crypto";
import net from "node:net";

export class Client {
  heard: (message: Buffer) => void = () => {};
  gone: () => void = () => {};
  #socket: net.Socket;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
  }

  static open(port: number, host: string, path: string, origin: string, cookie = ""): Promise<Client> {
    const socket = net.connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    const key = randomBytes(16).toString("base64");
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${origin}\r\n${cookie && `Cookie: ${cookie}\r\n`}` +
        `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    return new Promise((resolve, reject) => {
      const client = new Client(socket);
      let rest: Buffer = Buffer.alloc(0);
      let open = false;
      socket.on("error", reject);
      socket.on("close", () => client.gone());
      socket.on("data", (data: Buffer) => {
        rest = rest.length ? Buffer.concat([rest, data]) : data;
        if (!open) {
          const end = rest.indexOf("\r\n\r\n");
          if (end < 0) return;
          const status = rest.toString("latin1", 9, 12);
          if (status !== "101") {
            reject(new Error(`${host}${path}: ${status}`));
            socket.destroy();
            return;
          }
          rest = rest.subarray(end + 4);
          open = true;
          resolve(client);
          // Whoever opened it says first what is to become of what it hears.
          setImmediate(() => {
            rest = client.#read(rest);
          });
          return;
        }
        rest = client.#read(rest);
      });
    });
  }

  #read(data: Buffer): Buffer {
    for (let at = 0; ; ) {
      const left = data.length - at;
      const short = (data[at + 1] ?? 0) & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (left < head) return data.subarray(at);
      const length =
        short < 126
          ? short
          : short === 126
            ? data.readUInt16BE(at + 2)
            : Number(data.readBigUInt64BE(at + 2));
      if (left < head + length) return data.subarray(at);
      const payload = data.subarray(at + head, at + head + length);
      const opcode = (data[at] ?? 0) & 15;
      if (opcode === 9) this.#send(10, payload);
      else if (opcode < 3) this.heard(payload);
      at += head + length;
    }
  }

  say(message: Uint8Array | string): void {
    this.#send(typeof message === "string" ? 1 : 2, Buffer.from(message as Uint8Array));
  }

  /** Masked with nothing: these bytes are no secret, and no proxy is between. */
  #send(opcode: number, payload: Buffer): void {
    const { length } = payload;
    const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
    const frame = Buffer.alloc(2 + extended + 4 + length);
    frame[0] = 0x80 | opcode;
    frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
    if (extended === 2) frame.writeUInt16BE(length, 2);
    else if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
    payload.copy(frame, 2 + extended + 4);
    this.#socket.write(frame);
  }

  close(): void {
    this.#socket.destroy();
  }
}
