// A relay for rrweb's events: what one WebSocket says, all others hear (RFC 6455, text messages only).

import { createHash } from "node:crypto";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { unframe } from "../unit/frame";

export function fanOut(server: Server): void {
  const sockets = new Set<Socket>();
  server.on("upgrade", (request, socket: Socket) => {
    const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash("sha1").update(key).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    let rest = Buffer.alloc(0);
    let parts: Buffer[] = [];
    socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      for (let frame = unframe(rest); frame; frame = unframe(rest)) {
        rest = rest.subarray(frame.size);
        if (frame.opcode > 2) continue;
        parts.push(frame.payload);
        if (!frame.last) continue;
        const message = reframe(Buffer.concat(parts));
        parts = [];
        for (const other of sockets) if (other !== socket) other.write(message);
      }
    });
  });
}

function reframe(payload: Buffer): Buffer {
  const head = Buffer.alloc(10);
  head[0] = 0x81;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  if (payload.length > 65535) return Buffer.concat([head, payload]);
  head[1] = 126;
  head.writeUInt16BE(payload.length, 2);
  if (payload.length > 125) return Buffer.concat([head.subarray(0, 4), payload]);
  head[1] = payload.length;
  return Buffer.concat([head.subarray(0, 2), payload]);
}
