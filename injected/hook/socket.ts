// WebSocket and EventSource; WebTransport is taken away, because it cannot pass through a proxy.

import { argument, type Context, construction } from "./replace";

export function hookSockets({ realm, map, texts }: Context): void {
  const url = argument(0, (value) => texts.value(value, map.toView));
  construction(realm, "WebSocket", url);
  construction(realm, "WebSocketStream", url);
  construction(realm, "EventSource", url);
  // Pages test for it and fall back to WebSocket.
  delete realm.WebTransport;
}
