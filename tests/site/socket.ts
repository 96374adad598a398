// A WebSocket that sends back what it gets (RFC 6455), and tells what the handshake held when asked.

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const TEXT = 1;
const CLOSE = 8;
const PING = 9;

export function echoSocket(request: IncomingMessage, socket: Duplex): void {
  socket.on("error", () => socket.destroy());
  const url = new URL(request.url ?? "/", "http://x");
  if (url.pathname !== "/socket") {
    socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    return;
  }
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
  const offered = request.headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim()) ?? [];
  const protocol = offered.find((name) => name === "echo.v2");
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "upgrade: websocket",
    "connection: Upgrade",
    `sec-websocket-accept: ${accept}`,
    ...(protocol ? [`sec-websocket-protocol: ${protocol}`] : []),
    ...url.searchParams.getAll("cookie").map((cookie) => `set-cookie: ${cookie}`),
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);

  let rest = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = next(rest); frame; frame = next(rest)) {
      rest = rest.subarray(frame.size);
      if (frame.opcode === CLOSE) {
        socket.write(packed(CLOSE, frame.payload));
        socket.end();
      } else if (frame.opcode === PING) socket.write(packed(10, frame.payload));
      else if (frame.opcode === TEXT && frame.payload.toString() === "handshake") {
        const { origin, cookie, host } = request.headers;
        socket.write(packed(TEXT, Buffer.from(JSON.stringify({ origin, cookie, host }))));
      } else if (frame.opcode === TEXT && frame.payload.toString() === "leave") {
        socket.write(packed(CLOSE, Buffer.concat([Buffer.from([0x0f, 0xa1]), Buffer.from("see you")])));
      } else socket.write(packed(frame.opcode, frame.payload));
    }
  });
}

function next(bytes: Buffer): { opcode: number; payload: Buffer; size: number } | undefined {
  if (bytes.length < 6) return;
  let length = (bytes[1] ?? 0) & 127;
  let at = 2;
  if (length === 126) {
    if (bytes.length < 8) return;
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 14) return;
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  const mask = bytes.subarray(at, at + 4);
  const size = at + 4 + length;
  if (bytes.length < size) return;
  const payload = Buffer.from(bytes.subarray(at + 4, size));
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return { opcode: (bytes[0] ?? 0) & 15, payload, size };
}

function packed(opcode: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10);
  head[0] = 128 | opcode;
  head[1] = payload.length < 126 ? payload.length : payload.length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(payload.length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}
