// WebSocket frames as a browser sends them (RFC 6455 §5.2).

/** The masked frame at the beginning of `data`, once it is whole; Chromium sends large messages in several. */
export function unframe(
  data: Buffer,
): { opcode: number; last: boolean; payload: Buffer; size: number } | null {
  if (data.length < 6) return null;
  const last = (data[0] ?? 0) > 127;
  const opcode = (data[0] ?? 0) & 15;
  let length = (data[1] ?? 0) & 127;
  let at = 2;
  if (length === 126) {
    length = data.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (data.length < 14) return null;
    length = Number(data.readBigUInt64BE(2));
    at = 10;
  }
  const size = at + 4 + length;
  if (data.length < size) return null;
  const mask = data.subarray(at, at + 4);
  const payload = Buffer.from(data.subarray(at + 4, size));
  for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i % 4] ?? 0);
  return { opcode, last, payload, size };
}
