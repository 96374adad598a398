// The stage with what lies over it: both pointers, the glass that takes the agent's input, and what to say meanwhile.

import { MousePointer2 } from "lucide";
import { Component, createRef } from "preact";
import {
  type Action,
  ActionTag,
  Cap,
  Level,
  type Native,
  type Op,
  OpTag,
  Refusal,
  ShapeTag,
  type ViewerNotice,
  ViewerNoticeTag,
} from "../../injected/protocol/messages";
import type { Permission } from "../shared/api";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { Bridge, type FromConsole } from "./bridge";
import { Chooser } from "./chooser";
import { StageFrames } from "./frames";
import { Ink } from "./ink";
import { type Agent, boxOf, contentOf, listen, pageScroll, type Target } from "./input";
import { labelOf } from "./label";
import { MetBanner } from "./met";
import { OpenLists, Outside, Pinched } from "./outside";
import { type Connection, WatchSocket } from "./socket";
import { Stage } from "./stage";
import { Status } from "./status";
import { TabStrip } from "./tabs";

const LEVELS: Record<Level, Permission> = {
  [Level.Look]: "look",
  [Level.Point]: "point",
  [Level.Control]: "control",
};

/** What changes how things lie over the stage. */
const DRAWN_OVER = new Set([OpTag.Scroll, OpTag.OpenList, OpTag.View, OpTag.SetSelected]);

const ADDRESS = `${location.origin.replace(/^http/, "ws")}/__lado/watch`;

/** Between two pages the old one stays for this long before the stage says that there is none. */
const GAP = 1200;
/** The customer's pointer fades when it has not moved. */
const STILL = 6000;
/** The colour of the customer's pointer. */
const CUSTOMER = "#8a4b08";

export interface State {
  connection: Connection;
  phase: "waiting" | "page" | "gap" | "nopage" | "ended";
  level: Level;
  online: boolean;
  /** What the page has too much of to be shown. */
  cap: Cap | null;
  /** The customer has blanked the view. */
  paused: boolean;
  fit: boolean;
  scale: number;
  viewport: { width: number; height: number } | null;
  customer: { x: number; y: number; at: number } | null;
  chooser: Target | null;
  ripple: { x: number; y: number; key: number } | null;
  tabs: TabsNotice | null;
  met: MetNotice | null;
  /** What the customer's browser shows outside the page, and what it says. */
  natives: ReadonlyMap<Native, string>;
}

export type TabsNotice = Extract<ViewerNotice, { tag: ViewerNoticeTag.Tabs }>;
export type MetNotice = Extract<ViewerNotice, { tag: ViewerNoticeTag.Met }>;

interface Props {
  ticket: string;
  language(locale: string): void;
}

export class Viewer extends Component<Props, State> implements Agent {
  override state: State = {
    connection: "connecting",
    phase: "waiting",
    level: Level.Look,
    online: true,
    cap: null,
    paused: false,
    fit: true,
    scale: 1,
    viewport: null,
    customer: null,
    chooser: null,
    ripple: null,
    tabs: null,
    met: null,
    natives: new Map(),
  };

  readonly #space = createRef<HTMLDivElement>();
  readonly #holder = createRef<HTMLDivElement>();
  readonly #glass = createRef<HTMLDivElement>();
  readonly #keys = createRef<HTMLTextAreaElement>();
  readonly #paper = createRef<HTMLDivElement>();
  readonly #drawing = createRef<HTMLDivElement>();
  #ink: Ink | null = null;
  /** The line is a new one, and its page does not show yet. */
  #again = false;
  readonly #bridge = new Bridge((message) => this.#told(message));
  readonly #socket = new WatchSocket(ADDRESS, {
    connection: (connection) => {
      this.setState({ connection });
      if (connection === "open") this.#ink?.found();
      else this.#ink?.lost();
      this.#bridge.send({ type: "connection", state: connection });
    },
    ops: (ops) => this.#ops(ops),
    notice: (notice) => this.#notice(notice),
    ticket: () => this.#ticket(),
  });
  /** The page that shows, and the one that is being built behind it. */
  #shown: Stage | null = null;
  #next: Stage | null = null;
  readonly #frames = new StageFrames(
    {
      ticket: () => this.#ticket(),
      notice: (notice, stage) => this.#heard(notice, stage),
      changed: () => this.forceUpdate(),
    },
    ADDRESS,
    () => this.#shown,
  );
  /** Who waits for a ticket, first come first served. */
  #asking: ((ticket: string) => void)[] = [];
  #gap: ReturnType<typeof setTimeout> | undefined;
  #still: ReturnType<typeof setTimeout> | undefined;
  #acts = new Map<number, { label: string; quiet: boolean }>();
  #told_page = "";
  #stop: (() => void) | undefined;
  #watching: ResizeObserver | undefined;

  override componentDidMount(): void {
    const { current: glass } = this.#glass;
    const { current: keys } = this.#keys;
    const { current: space } = this.#space;
    if (!glass || !keys || !space) return;
    this.#stop = listen(glass, keys, this);
    const { current: paper } = this.#paper;
    const { current: drawing } = this.#drawing;
    if (paper && drawing) {
      this.#ink = new Ink(drawing, paper.attachShadow({ mode: "open" }), {
        stage: () => this.stage(),
        scale: () => this.state.scale,
        level: () => this.state.level,
        draw: (id, colour, stays, shape) => this.#socket.draw(id, colour, stays, shape),
        erase: (id) => this.#socket.erase(id),
        denied: () =>
          this.#bridge.send({ type: "refused", refusal: Refusal.NotAllowed, rule: "point", label: "" }),
        undrawn: () => this.#bridge.send({ type: "undrawn" }),
        label: (name, role) => (role === "supervisor" ? `${name} · ${t("viewer.supervisor")}` : name),
        words: { look: t("viewer.look"), text: t("viewer.text") },
      });
    }
    this.#watching = new ResizeObserver(() => this.#fit());
    this.#watching.observe(space);
    this.#bridge.send({ type: "ready" });
    if (this.props.ticket) this.#socket.open(this.props.ticket);
    else this.#ticket().then((ticket) => this.#socket.open(ticket));
  }

  override componentWillUnmount(): void {
    this.#stop?.();
    this.#ink?.stop();
    this.#watching?.disconnect();
  }

  // --- what the agent does ---

  stage(): Stage | null {
    return this.state.phase === "page" ? this.#shown : null;
  }

  level(): Level {
    return this.state.level;
  }

  scale(): number {
    return this.state.scale;
  }

  act(action: Action, target: Target | null, quiet = false, stage = target?.stage): void {
    const id = (stage?.line ?? this.#socket).act(action);
    this.#acts.set(id, { label: target ? labelOf(target.element) : "", quiet });
    if (this.#acts.size > 100) this.#acts.delete(this.#acts.keys().next().value ?? 0);
    if (action.tag === ActionTag.Click && target) {
      const { box } = target;
      const x = box.left + (box.width * action.x) / 1000;
      const y = box.top + (box.height * action.y) / 1000;
      this.setState({ ripple: { x, y, key: id } });
    }
  }

  pointer(shown: boolean, x: number, y: number): void {
    this.#socket.pointer(shown, x, y);
  }

  pan(dx: number, dy: number): { dx: number; dy: number } {
    const { current: space } = this.#space;
    if (!space || this.state.fit) return { dx, dy };
    const { scrollLeft, scrollTop } = space;
    space.scrollBy({ left: dx, top: dy, behavior: "instant" });
    return { dx: dx - (space.scrollLeft - scrollLeft), dy: dy - (space.scrollTop - scrollTop) };
  }

  denied(): void {
    this.#bridge.send({ type: "refused", refusal: Refusal.NotAllowed, rule: "", label: "" });
  }

  choose(target: Target): void {
    this.setState({ chooser: target });
  }

  shortcut(code: string): void {
    this.#bridge.send({ type: "shortcut", code });
  }

  leave(): void {
    this.#keys.current?.blur();
    this.#bridge.send({ type: "leave" });
  }

  // --- what the console says ---

  #told(message: FromConsole): void {
    switch (message.type) {
      case "mode":
        this.setState({ fit: message.fit === true }, () => this.#fit());
        break;
      case "locale":
        this.props.language(String(message.locale));
        this.forceUpdate();
        break;
      case "tool":
        if (!this.#ink) break;
        this.#ink.colour = Number(message.colour);
        this.#ink.stays = message.stays === true;
        this.#ink.take(message.tool);
        break;
      case "undo":
        this.#ink?.undo();
        break;
      case "clear":
        this.#ink?.clear();
        break;
      case "ticket":
        this.#asking.shift()?.(String(message.ticket));
        break;
      case "act":
        if (message.action === "back") this.act({ tag: ActionTag.Back }, null);
        else if (message.action === "forward") this.act({ tag: ActionTag.Forward }, null);
        else if (message.action === "reload") this.act({ tag: ActionTag.Reload }, null);
        else if (message.url) this.act({ tag: ActionTag.Navigate, url: message.url }, null);
        break;
    }
  }

  #ticket(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#asking.push(resolve);
      this.#bridge.send({ type: "ticket?" });
      setTimeout(() => {
        this.#asking = this.#asking.filter((asking) => asking !== resolve);
        reject(new Error("the console gave no ticket"));
      }, 5000);
    });
  }

  // --- what the customer's page does ---

  #ops(ops: readonly Op[]): void {
    for (const op of ops) {
      if (op.tag === OpTag.Snapshot) {
        this.#build(op);
        continue;
      }
      const stage = this.#next ?? this.#shown;
      if (!stage) return this.#socket.resync();
      try {
        stage.apply(op);
      } catch {
        return this.#socket.resync();
      }
      if (op.tag === OpTag.Resize && stage === this.#shown) this.#fit();
    }
    (this.#next ?? this.#shown)?.settle();
    this.#frames.settle();
    this.#tell();
    // The customer's pointer is drawn by where the page is scrolled to; lists lie where their fields are.
    if (ops.some((op) => DRAWN_OVER.has(op.tag))) this.forceUpdate();
  }

  /** Builds a page out of sight, behind the one that shows. */
  #build(page: Extract<Op, { tag: OpTag.Snapshot }>): void {
    const { current: holder } = this.#holder;
    if (!holder) return;
    this.#next?.remove();
    const stage = new Stage(holder, page, t("viewer.opaque"), () => this.#socket.resync());
    this.#next = stage;
    stage.ready.then(() => {
      if (this.#next !== stage) return;
      const before = this.#shown;
      this.#shown = stage;
      this.#next = null;
      stage.frame.classList.add("shown");
      this.#frames.settle();
      before?.remove();
      clearTimeout(this.#gap);
      const cap = this.state.cap === Cap.Changes ? Cap.Changes : null;
      this.setState({ phase: "page", chooser: null, customer: null, cap }, () => {
        if (this.#again) this.#ink?.again();
        this.#again = false;
      });
      this.#fit();
      this.#tell();
    });
  }

  #notice(notice: ViewerNotice): void {
    switch (notice.tag) {
      case ViewerNoticeTag.Welcome:
        // What stays comes again, the agent's own, too.
        this.#ink?.sketch.erase(0, 0);
        this.#ink?.lost();
        this.#again = true;
        this.setState({ level: notice.level, natives: new Map() });
        this.#bridge.send({ type: "level", level: LEVELS[notice.level] ?? "look" });
        break;
      case ViewerNoticeTag.SetLevel:
        this.setState({ level: notice.level });
        this.#bridge.send({ type: "level", level: LEVELS[notice.level] ?? "look" });
        break;
      case ViewerNoticeTag.Limited:
        this.setState({ cap: notice.cap });
        if (notice.cap === null || notice.cap === Cap.Changes) break;
        this.#bridge.send({ type: "nopage" });
        clearTimeout(this.#gap);
        this.setState({ phase: "nopage" });
        break;
      case ViewerNoticeTag.NoPage:
        this.setState({ cap: null });
        this.#bridge.send({ type: "nopage" });
        if (this.state.phase === "page") this.setState({ phase: "gap" });
        clearTimeout(this.#gap);
        this.#gap = setTimeout(() => this.setState({ phase: "nopage" }), this.#shown ? GAP : 0);
        break;
      case ViewerNoticeTag.Frames:
        this.#frames.told(notice.frames);
        break;
      case ViewerNoticeTag.Pointer:
        this.#pointer(notice.x, notice.y);
        break;
      case ViewerNoticeTag.Draw:
        this.#ink?.sketch.draw(notice.drawing);
        break;
      case ViewerNoticeTag.Erase:
        this.#ink?.sketch.erase(notice.participant, notice.id);
        break;
      case ViewerNoticeTag.Pressed: {
        const stage = this.stage();
        const scroll = stage ? pageScroll(stage) : { x: 0, y: 0 };
        const { scale } = this.state;
        this.#ink?.sketch.ripple((notice.x - scroll.x) * scale, (notice.y - scroll.y) * scale, CUSTOMER);
        break;
      }
      case ViewerNoticeTag.Acted: {
        // Drawings have no number of their own.
        if (notice.id === 0) this.#ink?.refused();
        const act = this.#acts.get(notice.id);
        this.#acts.delete(notice.id);
        if (notice.refusal === null || act?.quiet) break;
        this.#bridge.send({
          type: "refused",
          refusal: notice.refusal,
          rule: notice.rule,
          label: act?.label ?? "",
        });
        break;
      }
      case ViewerNoticeTag.Beat:
        this.#ink?.heard();
        this.#bridge.send({ type: "latency", agent: notice.agent, customer: notice.customer });
        break;
      case ViewerNoticeTag.Paused:
        this.setState({ paused: notice.paused, natives: notice.paused ? new Map() : this.state.natives });
        break;
      case ViewerNoticeTag.Online:
        this.setState({ online: notice.online });
        this.#bridge.send({ type: "online", online: notice.online });
        break;
      case ViewerNoticeTag.Tabs:
        this.setState({ tabs: notice });
        break;
      case ViewerNoticeTag.Met:
        this.setState({ met: notice });
        break;
      case ViewerNoticeTag.Native: {
        const natives = new Map(this.state.natives);
        natives.delete(notice.native);
        if (notice.shown) natives.set(notice.native, notice.text);
        this.setState({ natives });
        break;
      }
      case ViewerNoticeTag.Resumed:
        this.setState({ met: null });
        break;
      case ViewerNoticeTag.Look:
        this.#look(notice);
        break;
      case ViewerNoticeTag.Ended:
        clearTimeout(this.#gap);
        this.#frames.close();
        this.#shown?.remove();
        this.#next?.remove();
        this.#shown = this.#next = null;
        this.setState({ phase: "ended", tabs: null, met: null });
        this.#bridge.send({ type: "ended" });
        break;
    }
  }

  /** The customer points something out: it is marked, and what the agent sees scrolls there. */
  #look({ node, x, y }: Extract<ViewerNotice, { tag: ViewerNoticeTag.Look }>): void {
    const element = this.stage()?.node(node) as Element | undefined;
    const { current: space } = this.#space;
    if (element?.nodeType !== Node.ELEMENT_NODE || !space) return;
    this.#ink?.shown(t("viewer.customer"), { tag: ShapeTag.Ping, node, x, y });
    const window = this.#holder.current?.parentElement;
    const { left, top, width, height } = boxOf(element).box;
    const { scale } = this.state;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (window && !this.state.fit)
      space.scrollTo({
        left: window.offsetLeft + (left + (width * x) / 1000) * scale - space.clientWidth / 2,
        top: window.offsetTop + (top + (height * y) / 1000) * scale - space.clientHeight / 2,
        behavior: still ? "instant" : "smooth",
      });
    this.#bridge.send({ type: "look", label: labelOf(element) });
  }

  /** What the line of a frame's page says that is not about its tree. */
  #heard(notice: ViewerNotice, stage: Stage): void {
    const here = pageScroll(stage);
    const page = this.#shown ? pageScroll(this.#shown) : here;
    const content = contentOf(stage.frame);
    const at = (x: number, y: number) => ({
      x: x - here.x + content.left + page.x,
      y: y - here.y + content.top + page.y,
    });
    switch (notice.tag) {
      case ViewerNoticeTag.Pointer: {
        const { x, y } = at(notice.x, notice.y);
        this.#pointer(x, y);
        break;
      }
      case ViewerNoticeTag.Pressed:
        this.#notice({ ...notice, ...at(notice.x, notice.y) });
        break;
      case ViewerNoticeTag.Acted:
      case ViewerNoticeTag.Native:
        this.#notice(notice);
        break;
    }
  }

  #pointer(x: number, y: number): void {
    this.setState({ customer: { x, y, at: Date.now() } });
    clearTimeout(this.#still);
    this.#still = setTimeout(() => this.forceUpdate(), STILL + 50);
  }

  /** Tells the console what page shows, when that has changed. */
  #tell(): void {
    const stage = this.#shown;
    if (!stage) return;
    const { title, url, viewport } = stage;
    const page = { title, url, width: viewport.width, height: viewport.height };
    const told = JSON.stringify(page);
    if (told === this.#told_page) return;
    this.#told_page = told;
    this.#bridge.send({ type: "page", ...page });
  }

  #fit(): void {
    const { current: space } = this.#space;
    const viewport = this.#shown?.viewport;
    if (!space || !viewport) return;
    const scale = this.state.fit
      ? Math.min(1, (space.clientWidth - 32) / viewport.width, (space.clientHeight - 32) / viewport.height)
      : 1;
    this.setState({
      scale: Math.max(scale, 0.1),
      viewport: { width: viewport.width, height: viewport.height },
    });
  }

  override render() {
    const { phase, viewport, scale, fit, customer, connection, online, chooser, ripple, level } = this.state;
    const shown = phase === "page" || phase === "gap";
    const size = viewport && { width: viewport.width * scale, height: viewport.height * scale };
    const scroll = this.#shown ? pageScroll(this.#shown) : { x: 0, y: 0 };
    const { tabs, met } = this.state;
    return (
      <div class="frame">
        {tabs && <TabStrip notice={tabs} watch={(tab) => this.#socket.watch(tab)} />}
        {met && <MetBanner notice={met} dismiss={() => this.setState({ met: null })} />}
        <div class={`space ${fit ? "" : "full"}`} ref={this.#space}>
          <div
            class={`window ${shown && size ? "" : "unseen"} ${phase === "gap" || !online || connection !== "open" ? "dim" : ""}`}
            style={size ? { width: `${size.width}px`, height: `${size.height}px` } : undefined}
          >
            <div class="holder" ref={this.#holder} style={{ transform: `scale(${scale})` }} />
            <div class="glass" ref={this.#glass}>
              <textarea
                class="keys"
                ref={this.#keys}
                aria-label={t("viewer.keys")}
                autocomplete="off"
                autocapitalize="off"
                spellcheck={false}
              />
            </div>
            <div class="paper" ref={this.#paper} aria-hidden="true" />
            <div class="ink" ref={this.#drawing} />
            {customer && shown && (
              <div
                class={`customer ${Date.now() - customer.at > STILL ? "still" : ""}`}
                style={{
                  transform: `translate(${(customer.x - scroll.x) * scale}px, ${(customer.y - scroll.y) * scale}px)`,
                }}
                aria-hidden="true"
              >
                <Icon of={MousePointer2} size={22} />
                <span>{t("viewer.customer")}</span>
              </div>
            )}
            {shown && this.#shown && <OpenLists stage={this.#shown} scale={scale} />}
            {shown && this.#shown && <Pinched stage={this.#shown} scale={scale} />}
            {ripple && shown && (
              <div
                key={ripple.key}
                class="ripple"
                style={{ left: `${ripple.x * scale}px`, top: `${ripple.y * scale}px` }}
              />
            )}
            {chooser && shown && level === Level.Control && (
              <Chooser
                target={chooser}
                scale={scale}
                height={viewport?.height ?? 0}
                label={labelOf(chooser.element)}
                id={(option) => chooser.stage.id(option)}
                done={(action) => {
                  if (action) this.act(action, chooser);
                  this.setState({ chooser: null });
                  this.#keys.current?.focus({ preventScroll: true });
                }}
              />
            )}
          </div>
          <Outside natives={this.state.natives} />
          <Status {...this.state} />
        </div>
      </div>
    );
  }
}
