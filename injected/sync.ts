// Ties the parts of a synced page together: rules, capture, line, commands, overlay.

import { boot } from "./boot";
import { inward } from "./capture/address";
import { Capture, nextFrame } from "./capture/capture";
import * as dom from "./capture/dom";
import { Actor } from "./command/act";
import { failed, guard } from "./guard";
import { Overlay } from "./overlay/overlay";
import { type PageCommand, PageCommandTag, PageMessageTag } from "./protocol/messages";
import { Rules } from "./rules";
import { Line } from "./socket";
import { enterTab } from "./tab";

const POINTER_MS = 33;

/** A page that cannot be told without errors is told anew, but not for ever. */
const MAX_RESTARTS = 5;

export function startSync(): void {
  const rules = new Rules(boot.rules);
  const overlay = new Overlay(boot, rules, (width) => capture.scrollbar(width));
  let restarts = 0;
  let viewers = 0;

  const capture = new Capture(rules, overlay.element, overlay.sheet, {
    changed: () => nextFrame(flush),
    moved: () => overlay.moved(),
    entered: (root) => overlay.entered(root),
  });

  const flush = guard(() => {
    // What cannot go now waits in the page; the line says when it can.
    if (!line.open) return;
    if (!line.ready) {
      dom.timeout(flush, 100);
      return;
    }
    try {
      line.batch(capture.flush());
    } catch (error) {
      failed(error);
      if (restarts++ < MAX_RESTARTS) line.batch(capture.snapshot());
    }
  });

  const actor = new Actor(capture, rules, inward);

  const command = (it: PageCommand): void => {
    switch (it.tag) {
      case PageCommandTag.Welcome:
      case PageCommandTag.SetLevel:
        actor.level = it.level;
        break;
      case PageCommandTag.Act: {
        const refusal = actor.act(it.action);
        // What the action did goes first.
        flush();
        line.send({ tag: PageMessageTag.Done, id: it.id, refusal });
        break;
      }
      case PageCommandTag.Pointer:
        overlay.point(it.participant, it.name, it.role, it.shown, it.x, it.y);
        break;
      case PageCommandTag.Watched:
        viewers = it.viewers;
        break;
      case PageCommandTag.Ended:
        line.end();
        overlay.remove();
        location.replace("/__lado/farewell");
        break;
    }
  };

  const tab = enterTab(pageId);
  const line = new Line(
    `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/__lado/sync`,
    pageId(),
    tab.id,
    {
      snapshot: () => capture.snapshot(),
      ready: flush,
      command,
    },
  );

  const on = <E extends Event>(target: EventTarget, type: string, run: (event: E) => void): void =>
    dom.listen(target, type, guard(run), { capture: true, passive: true });
  on(window, "online", () => line.retry());
  on(document, "visibilitychange", () => {
    line.send({ tag: PageMessageTag.Visible, visible: document.visibilityState === "visible" });
    flush();
  });
  on(window, "pagehide", () => {
    flush();
    line.close();
    tab.leave();
  });
  // Back from the back-forward cache.
  on(window, "pageshow", (event: PageTransitionEvent) => {
    if (!event.persisted) return;
    tab.enter();
    line.retry();
  });
  let pointed = 0;
  on(window, "pointermove", (event: PointerEvent) => {
    if (!viewers || !event.isTrusted || event.timeStamp - pointed < POINTER_MS) return;
    pointed = event.timeStamp;
    line.send({ tag: PageMessageTag.Pointer, x: Math.round(event.pageX), y: Math.round(event.pageY) });
  });
}

function pageId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
