// Ties the parts of a synced page together: rules, capture, line, commands, overlay.

import { boot, type PageRules } from "./boot";
import { inward } from "./capture/address";
import { Capture, nextFrame } from "./capture/capture";
import * as dom from "./capture/dom";
import type { Actor } from "./command/act";
import type { Framing } from "./framed";
import { failed, guard } from "./guard";
import { Overlay } from "./overlay/overlay";
import {
  type Action,
  ActionTag,
  Level,
  type Op,
  type PageCommand,
  PageCommandTag,
  PageMessageTag,
  Refusal,
} from "./protocol/messages";
import { Rules } from "./rules";
import { type Late, shared } from "./shared";
import { Line } from "./socket";
import { enterTab, type Tab } from "./tab";

const POINTER_MS = 33;

/** A page that cannot be told without errors is told anew, but not for ever. */
const MAX_RESTARTS = 5;

/** When the late script may be asked for again after it has not come. */
const RETRY_MS = 5000;

/** A document in a frame is in no tab of its own. */
const NO_TAB: Tab = { id: "", leave() {}, enter() {} };

/** `framing` where frames of other origins are shown to agents. */
export function startSync(framing?: Framing): void {
  const isFramed = !!framing?.isFramed;
  const origin = framing?.origin ?? location.origin;
  const rules = new Rules(boot.rules);
  let late: Promise<Late> | undefined;
  /** The late script, from when it is first asked for. */
  const load = (): Promise<Late> => {
    late ??= import(boot.late.startsWith("/") ? origin + boot.late : boot.late).then(
      ({ default: start }) => start(shared) as Late,
      (error) => {
        late = undefined;
        throw error;
      },
    );
    return late;
  };
  const later = (run: (late: Late) => void): void => {
    load().then(guard(run), (error) => {
      failed(error);
      dom.timeout(() => later(run), RETRY_MS);
    });
  };

  const overlay: Overlay = new Overlay(
    boot,
    rules,
    {
      capture: () => capture,
      flush: () => flush(),
      tell: (message) => line.send(message),
      late: later,
    },
    !isFramed,
  );
  let restarts = 0;
  let viewers = 0;

  const capture: Capture = new Capture(rules, overlay.element, overlay.sheet, {
    changed: () => nextFrame(flush),
    moved: () => overlay.moved(),
    entered: (root) => overlay.entered(root),
    late: later,
    drawn: (canvas) => pictures((it) => it.add(canvas)),
    blob: (element, name, address) => {
      if (easel) return easel.blob(element, name, address);
      pictures((it) => it.blob(element, name, address));
      return address;
    },
    isFramed,
    nonceOf: (frame) => framing?.nonceOf(frame) ?? "",
  });
  framing?.onHeard(guard((frame) => capture.framed(frame)));

  let easel: InstanceType<Late["Pictures"]> | undefined;
  const pictures = (run: (it: InstanceType<Late["Pictures"]>) => void): void =>
    later(({ Pictures }) => {
      if (!easel) {
        easel = new Pictures({
          id: capture.id,
          masked: (node) => capture.masked(node),
          say: (op) => capture.say(op as Parameters<typeof capture.say>[0]),
        });
        easel.watched(viewers > 0);
      }
      run(easel);
    });

  const flush = guard(() => {
    // What cannot go now waits in the page; the line says when it can.
    if (!line.open) return;
    if (!line.ready) {
      dom.timeout(flush, 100);
      return;
    }
    try {
      const ops = capture.flush();
      tellSecrets();
      line.batch(ops);
    } catch (error) {
      failed(error);
      if (restarts++ < MAX_RESTARTS) line.batch(snapshot());
    }
  });

  // Before the ops that may show them elsewhere.
  const tellSecrets = (): void => {
    for (const secret of capture.secrets()) line.send({ tag: PageMessageTag.Secret, ...secret });
  };

  const snapshot = (): readonly Op[] => {
    const ops = capture.snapshot();
    tellSecrets();
    return ops;
  };

  let level: Level = Level.Look;
  let hands: Actor | undefined;
  const actor = async (): Promise<Actor> => {
    const { Actor } = await load();
    hands ??= new Actor(capture, rules, inward, (element) => overlay.show((signs) => signs.ask(element)));
    return hands;
  };

  /** The customer sees where an agent has pressed. */
  const pressed = (click: Extract<Action, { tag: ActionTag.Click }>): void => {
    const node = capture.node(click.node);
    if (!node || !dom.isElement(node)) return;
    const box = dom.rect(node);
    overlay.show((signs) =>
      signs.pressed(box.left + (box.width * click.x) / 1000, box.top + (box.height * click.y) / 1000),
    );
  };

  const command = (it: PageCommand): void => {
    switch (it.tag) {
      case PageCommandTag.Welcome:
      case PageCommandTag.SetLevel:
        if (it.tag === PageCommandTag.Welcome) {
          tell("on");
          overlay.signs?.again();
        }
        level = it.level;
        // What the agent may do any moment is there before they do.
        if (level >= Level.Control) actor().catch(failed);
        if (level >= Level.Control || hands) overlay.show((signs) => signs.showLocks(level >= Level.Control));
        break;
      case PageCommandTag.Act: {
        const done = (refusal: Refusal | null): void => {
          if (refusal === null && it.action.tag === ActionTag.Click) pressed(it.action);
          // What the action did goes first.
          flush();
          line.send({ tag: PageMessageTag.Done, id: it.id, refusal });
        };
        actor()
          .then((actor) => actor.act(it.action, level))
          .then(done, (error) => {
            failed(error);
            done(Refusal.NotPossible);
          });
        break;
      }
      case PageCommandTag.Pointer:
        overlay.show((signs) => signs.point(it.participant, it.name, it.role, it.shown, it.x, it.y));
        break;
      case PageCommandTag.Mend:
        if (capture.mend(it.node)) flush();
        else line.batch(snapshot());
        break;
      case PageCommandTag.Draw:
        overlay.show((signs) => signs.draw(it.drawing));
        break;
      case PageCommandTag.Erase:
        overlay.show((signs) => signs.erase(it.participant, it.id));
        break;
      case PageCommandTag.Show:
        overlay.show((signs) => signs.show(it.last));
        break;
      case PageCommandTag.Watched:
        viewers = it.viewers;
        if (!viewers && !late) break;
        later((late) => {
          easel?.watched(viewers > 0);
          capture.watched(late, {
            outside: (native, shown, text) => line.send({ tag: PageMessageTag.Native, native, shown, text }),
            pause: () => line.send({ tag: PageMessageTag.Pause }),
            ready: () => line.ready,
            flush,
            say: (op) => line.batch([op]),
            put: (element) => overlay.put(element),
          });
        });
        break;
      case PageCommandTag.Frame:
        framing?.say(it.nonce);
        break;
      case PageCommandTag.Rules:
        rules.replace(JSON.parse(it.json) as PageRules);
        capture.rulesChanged();
        break;
      case PageCommandTag.Ended:
        line.end();
        if (isFramed) {
          capture.stop();
          overlay.remove();
        } else if (boot.leave) {
          // Under its own name the page outlives the session: nothing that was typed is lost.
          capture.stop();
          overlay.farewell();
          tell("off");
        } else {
          overlay.remove();
          location.replace("/__lado/farewell");
        }
        break;
    }
  };

  const tab = isFramed ? NO_TAB : enterTab(pageId);
  const line = new Line(
    boot.sync ?? `${origin.replace("http", "ws")}/__lado/sync${framing?.query ?? ""}`,
    pageId(),
    tab.id,
    {
      snapshot,
      ready: flush,
      command,
      rest: () => capture.rest(),
    },
  );

  const on = <E extends Event>(target: EventTarget, type: string, run: (event: E) => void): void =>
    dom.listen(target, type, guard(run), { capture: true, passive: true });
  on(window, "online", () => line.retry());
  on(document, "visibilitychange", () => {
    line.send({ tag: PageMessageTag.Visible, visible: !document.hidden });
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
  on(window, "pointerdown", (event: PointerEvent) => {
    if (viewers && event.isTrusted)
      line.send({ tag: PageMessageTag.Pressed, x: Math.round(event.pageX), y: Math.round(event.pageY) });
  });
  let pointed = 0;
  on(window, "pointermove", (event: PointerEvent) => {
    if (!viewers || !event.isTrusted || event.timeStamp - pointed < POINTER_MS) return;
    pointed = event.timeStamp;
    line.send({ tag: PageMessageTag.Pointer, x: Math.round(event.pageX), y: Math.round(event.pageY) });
  });
}

let state = "";

/** Tells the launcher, where there is one. */
function tell(now: "on" | "off"): void {
  state = now;
  if (boot.leave)
    window.dispatchEvent(new CustomEvent("lado:sync", { detail: { state, token: boot.token ?? undefined } }));
}

// The launcher may come later than the sync script.
if (boot.leave)
  dom.listen(
    window,
    "lado:ask",
    guard(() => {
      if (state === "on") tell("on");
    }),
    true,
  );

function pageId(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
