// One session: its invitation, then the mirrored page with its tools, then its end.

import {
  ArrowLeft,
  ArrowRight,
  CircleCheck,
  CircleHelp,
  CircleStop,
  House,
  Lock,
  MapPin,
  Maximize,
  MessageCircle,
  Minimize,
  Pause,
  RotateCw,
  SearchX,
  TriangleAlert,
  Users,
  WifiOff,
  X,
} from "lucide";
import { Component, createRef } from "preact";
import { Refusal } from "../../injected/protocol/messages";
import { ApiError, type Permission, type Session } from "../shared/api";
import { language, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import type { FromConsole, FromViewer } from "../viewer/bridge";
import { TOOLS, type Tool } from "../viewer/tool";
import { Connected, type Line } from "./connected";
import { EscapedLine } from "./escaped";
import { ruleName } from "./evidence";
import { Invitation } from "./invitation";
import { Notes } from "./notes";
import { notify } from "./notify";
import { Over } from "./over";
import { LevelBadge, PinForm, siteOf } from "./parts";
import { Side, type Tab } from "./side";
import { agent, end, explain, helping, load, sessions, show, viewer } from "./state";
import { Talk } from "./talk";
import { Tools } from "./tools";

interface Toast {
  key: number;
  text: string;
  icon: typeof Lock;
  /** The lock or mask that refused; else empty. */
  rule: string;
}

interface State extends Line {
  /** `unknown`: Lado has no such session for this agent. */
  found: "loading" | "yes" | "unknown" | "failed";
  /** The viewer's document, without its ticket once it is loaded. */
  viewer: string | null;
  /** Lado wants this agent's own PIN before it shows the page. */
  pin: boolean;
  /** A colleague has taken over. */
  handed: boolean;
  problem: string;
  page: { title: string; url: string; width: number; height: number } | null;
  level: Permission | null;
  online: boolean | null;
  fit: boolean;
  /** What the side column shows; null when it is closed. */
  side: Tab | null;
  tool: Tool;
  colour: number;
  /** Drawings stay until they are cleared. */
  stays: boolean;
  ended: boolean;
  toasts: Toast[];
}

const TOAST = 6000;
/** The side column lies over the page then, so it waits to be asked for. */
const NARROW = "(max-width: 64rem)";

export class SessionScreen extends Component<{ id: string }, State> {
  override state: State = {
    found: sessions.value.has(this.props.id) ? "yes" : "loading",
    viewer: null,
    pin: false,
    handed: false,
    problem: "",
    page: null,
    level: null,
    online: null,
    connection: "connecting",
    latency: { agent: null, customer: null },
    fit: true,
    side: matchMedia(NARROW).matches ? null : "chat",
    tool: "hand",
    colour: 0,
    stays: false,
    ended: false,
    toasts: [],
  };
  readonly #frame = createRef<HTMLIFrameElement>();
  readonly #first = createRef<HTMLButtonElement>();
  #opening = false;
  #toast = 0;
  #language = language();
  #stop: (() => void) | undefined;
  #talk: Talk | null = null;

  override componentDidMount(): void {
    const press = (event: KeyboardEvent) => {
      if (event.altKey && event.shiftKey && !event.ctrlKey && !event.metaKey && this.#shortcut(event.code)) {
        event.preventDefault();
      }
    };
    const hear = (event: MessageEvent) => this.#hear(event);
    addEventListener("keydown", press);
    addEventListener("message", hear);
    // The session becomes active by an event, here or in another tab of the agent's.
    const watch = sessions.subscribe(() => this.#open());
    this.#stop = () => {
      removeEventListener("keydown", press);
      removeEventListener("message", hear);
      watch();
    };
    load(this.props.id).then(
      () => this.setState({ found: "yes" }),
      (error) => {
        if (sessions.value.has(this.props.id)) return;
        this.setState({ found: error.status === 404 || error.status === 403 ? "unknown" : "failed" });
      },
    );
  }

  override componentDidUpdate(): void {
    if (this.#language !== language()) {
      this.#language = language();
      this.#say({ type: "locale", locale: this.#language });
    }
  }

  override componentWillUnmount(): void {
    this.#stop?.();
    this.#talk?.close();
  }

  /** Gets a viewer as soon as the session is active. */
  #open(): void {
    const session = sessions.value.get(this.props.id);
    if (session?.state !== "active" || this.#opening) return;
    const within = session.people?.some(({ name }) => name === agent.value?.name) ?? true;
    if (!within && (this.state.viewer || this.state.handed)) {
      this.#talk?.close();
      this.#talk = null;
      this.setState({ viewer: null, handed: true });
      return;
    }
    if (this.state.viewer) return;
    this.#opening = true;
    viewer(this.props.id)
      .then(
        (url) => {
          this.#talk ??= new Talk(this.props.id, agent.value?.display ?? "", {
            messages: (entries) => {
              this.forceUpdate();
              for (const { text } of entries) notify(t("console.says"), text ?? "");
            },
            refused: (code) => this.#toasted(explain(new ApiError(409, code, ""))),
            changed: () => this.forceUpdate(),
          });
          this.setState({ viewer: url, problem: "", pin: false, handed: false });
        },
        (error) => {
          if (error.code === "ended") this.setState({ ended: true });
          // Active, but not for this agent: a colleague entered the PIN.
          else if (error.code === "not_active" || error.status === 403) this.setState({ pin: true });
          else this.setState({ problem: explain(error) });
        },
      )
      .finally(() => {
        this.#opening = false;
      });
  }

  #say(message: FromConsole): void {
    const { viewer } = this.state;
    if (viewer)
      this.#frame.current?.contentWindow?.postMessage(
        { lado: "console", ...message },
        new URL(viewer).origin,
      );
  }

  #hear(event: MessageEvent): void {
    const { viewer: url } = this.state;
    if (!url || event.source !== this.#frame.current?.contentWindow || event.origin !== new URL(url).origin)
      return;
    const message = event.data as { lado?: unknown } & FromViewer;
    if (typeof message !== "object" || message === null || message.lado !== "viewer") return;
    switch (message.type) {
      case "ready":
        this.#say({ type: "mode", fit: this.state.fit });
        this.#say({ type: "locale", locale: language() });
        this.#take({});
        break;
      case "page":
        this.setState({ page: message });
        document.title = `${message.title || siteOf(message.url)} · Lado`;
        break;
      case "nopage":
        this.setState({ page: null });
        break;
      case "level":
        this.setState({ level: message.level });
        break;
      case "refused":
        this.#refused(message.refusal, String(message.rule ?? ""), String(message.label ?? ""));
        break;
      case "look": {
        const label = String(message.label ?? "");
        const text = label ? t("console.customer_looks", { label }) : t("console.customer_looks_plain");
        this.#toasted(text, MapPin);
        notify(text, "");
        break;
      }
      case "undrawn":
        this.#toasted(t("console.undrawn"));
        break;
      case "online":
        this.setState({ online: message.online });
        break;
      case "ended":
        // For everybody, or for this agent alone: Lado knows.
        load(this.props.id).then(
          () => this.#open(),
          (error) => this.setState(error.status === 404 ? { viewer: null, handed: true } : { ended: true }),
        );
        break;
      case "latency":
        this.setState({ latency: { agent: message.agent, customer: message.customer } });
        break;
      case "connection":
        this.setState({ connection: message.state });
        break;
      case "ticket?":
        viewer(this.props.id).then(
          (next) => this.#say({ type: "ticket", ticket: new URL(next).hash.slice(1) }),
          (error) => {
            if (error.status === 404 || error.code === "ended") this.setState({ ended: true });
          },
        );
        break;
      case "shortcut":
        this.#shortcut(message.code);
        break;
      case "leave":
        this.#first.current?.focus();
        break;
    }
  }

  #refused(refusal: Refusal, rule: string, label: string): void {
    const text = (() => {
      switch (refusal) {
        case Refusal.Locked:
          return label ? t("console.refused_locked", { label }) : t("console.refused_locked_plain");
        case Refusal.Masked:
          return t("console.refused_masked");
        case Refusal.NotAllowed:
          if (rule === "point") return t("console.refused_point");
          if (agent.value?.role === "supervisor") return t("console.error_supervisor");
          return t(
            (this.state.level ?? "look") === "control" ? "console.refused_not" : "console.refused_level",
          );
        case Refusal.Gone:
          return t("console.refused_gone");
        case Refusal.Asked:
          return t("console.refused_asked");
        case Refusal.Paused:
          return t("console.refused_paused");
        default:
          return t("console.refused_not");
      }
    })();
    if (refusal === Refusal.Locked || refusal === Refusal.Masked) this.#toasted(text, Lock, rule);
    else this.#toasted(text);
  }

  #toasted(text: string, icon = TriangleAlert, rule = ""): void {
    const toast: Toast = { key: ++this.#toast, text, icon, rule };
    // The same words twice would only push the page around.
    const others = this.state.toasts.filter((other) => other.text !== text).slice(-2);
    this.setState({ toasts: [...others, toast] });
    setTimeout(() => this.#dismiss(toast.key), TOAST);
  }

  #dismiss(key: number): void {
    this.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.key !== key) }));
  }

  /** Alt+Shift and a key, whether the console or the page has the keyboard. */
  #shortcut(code: string): boolean {
    const tool = TOOLS[Number(/^Digit([1-8])$/.exec(code)?.[1] ?? 0) - 1];
    if (tool) {
      this.#take({ tool });
      return true;
    }
    switch (code) {
      case "KeyF":
        this.#mode(!this.state.fit);
        return true;
      case "KeyR":
        this.#say({ type: "act", action: "reload" });
        return true;
      case "ArrowLeft":
        this.#say({ type: "act", action: "back" });
        return true;
      case "ArrowRight":
        this.#say({ type: "act", action: "forward" });
        return true;
      case "KeyH":
        helping.value = !helping.value;
        return true;
      case "KeyZ":
        this.#say({ type: "undo" });
        return true;
      case "KeyX":
        this.#say({ type: "clear" });
        return true;
      case "KeyC":
        this.setState(({ side }) => ({ side: side ? null : "chat" }));
        return true;
      case "KeyE":
        this.#end();
        return true;
    }
    return false;
  }

  #take(change: Partial<Pick<State, "tool" | "colour" | "stays">>): void {
    this.setState(change, () => {
      const { tool, colour, stays } = this.state;
      this.#say({ type: "tool", tool, colour, stays });
    });
  }

  #mode(fit: boolean): void {
    this.setState({ fit });
    this.#say({ type: "mode", fit });
  }

  #end(): void {
    end(this.props.id).then(
      () => this.setState({ ended: true }),
      (error) => this.setState({ problem: explain(error) }),
    );
  }

  override render() {
    const session = sessions.value.get(this.props.id);
    const { found, ended, pin } = this.state;
    if (session && (session.state === "ended" || ended)) {
      return (
        <Over icon={CircleCheck} what="ended">
          <Notes id={session.id} />
        </Over>
      );
    }
    if (session && (session.state === "invited" || session.state === "waiting")) {
      return <Invitation session={session} end={() => this.#end()} />;
    }
    if (session && this.state.handed) {
      return (
        <Over icon={Users} what="handed">
          <Notes id={session.id} />
        </Over>
      );
    }
    if (session && pin && !this.state.viewer) {
      return (
        <Over icon={Lock} what="pin">
          <PinForm
            done={() => {
              this.setState({ pin: false });
              this.#open();
            }}
          />
        </Over>
      );
    }
    if (session) return this.#stage(session);
    if (found === "unknown") return <Over icon={SearchX} what="unknown" />;
    if (found === "failed") return <Over icon={WifiOff} what="failed" />;
    return (
      <div class="whole" role="status">
        <span class="spinner" />
        <span class="sr">{t("console.loading")}</span>
      </div>
    );
  }

  #stage(session: Session) {
    const { viewer, page, fit, side, problem, toasts, connection } = this.state;
    const unread = side === "chat" ? 0 : (this.#talk?.conversation.unread ?? 0);
    const level = this.state.level ?? session.level;
    const online = this.state.online ?? session.online;
    const shown = page ?? session.page ?? null;
    const watches = agent.value?.role === "supervisor";
    const control = level === "control" && !watches;
    const tool = (icon: typeof ArrowLeft, label: string, act: () => void, disabled = false) => (
      <button
        class="button quiet square"
        type="button"
        aria-label={label}
        title={label}
        disabled={disabled}
        onClick={act}
      >
        <Icon of={icon} />
      </button>
    );
    return (
      <div class={`watching ${side ? "sided" : ""}`}>
        <header class="bar">
          <button
            class="button quiet square"
            type="button"
            ref={this.#first}
            aria-label={t("console.home")}
            title={t("console.home")}
            onClick={() => show(null)}
          >
            <Icon of={House} />
          </button>
          <span class="rule" />
          {tool(ArrowLeft, t("console.back"), () => this.#say({ type: "act", action: "back" }), !control)}
          {tool(
            ArrowRight,
            t("console.forward"),
            () => this.#say({ type: "act", action: "forward" }),
            !control,
          )}
          {tool(RotateCw, t("console.reload"), () => this.#say({ type: "act", action: "reload" }), !control)}
          <div class="address" title={shown?.url}>
            <h1>{shown?.title || siteOf(session.site)}</h1>
            <span class="muted">
              <bdi dir="ltr">{shown ? readable(shown.url) : siteOf(session.site)}</bdi>
            </span>
          </div>
          <LevelBadge level={level} />
          {session.paused ? (
            <span class="badge warn" role="status">
              <Icon of={Pause} size={14} />
              {t("console.paused")}
            </span>
          ) : (
            <Connected connection={connection} online={online} latency={this.state.latency} />
          )}
          <span class="rule" />
          {tool(fit ? Maximize : Minimize, fit ? t("console.full") : t("console.fit"), () =>
            this.#mode(!fit),
          )}
          <button
            class="button quiet square with-count"
            type="button"
            aria-label={unread ? t("chat.new", { count: unread }) : t("console.side")}
            title={t("console.side")}
            aria-expanded={side !== null}
            onClick={() => this.setState({ side: side ? null : "chat" })}
          >
            <Icon of={MessageCircle} />
            {unread > 0 && (
              <span class="count" aria-hidden="true">
                {unread}
              </span>
            )}
          </button>
          {tool(CircleHelp, t("console.help"), () => {
            helping.value = true;
          })}
          {!watches && (
            <button class="button danger small" type="button" onClick={() => this.#end()}>
              <Icon of={CircleStop} size={18} />
              {t("console.end")}
            </button>
          )}
        </header>
        {problem && (
          <p class="note bad problem" role="alert">
            <Icon of={TriangleAlert} size={18} />
            <span>{problem}</span>
            <button
              class="button small"
              type="button"
              onClick={() => {
                this.setState({ problem: "" });
                this.#open();
              }}
            >
              {t("common.again")}
            </button>
          </p>
        )}
        <EscapedLine escaped={session.escaped ?? []} />
        <main>
          {viewer ? (
            <iframe
              class="viewer"
              ref={this.#frame}
              src={viewer}
              title={t("console.page_of_customer")}
              allow=""
              sandbox="allow-scripts allow-same-origin"
              onLoad={() => {
                // The viewer learns the console's origin from the first message.
                this.#say({ type: "mode", fit: this.state.fit });
                this.#say({ type: "locale", locale: language() });
              }}
            />
          ) : (
            <div class="whole" role="status">
              <span class="spinner" />
              <span class="sr">{t("console.loading")}</span>
            </div>
          )}
        </main>
        {viewer && (
          <Tools
            tool={this.state.tool}
            colour={this.state.colour}
            stays={this.state.stays}
            take={(tool) => this.#take({ tool })}
            paint={(colour) => this.#take({ colour })}
            stay={(stays) => this.#take({ stays })}
            undo={() => this.#say({ type: "undo" })}
            clear={() => this.#say({ type: "clear" })}
          />
        )}
        {side && this.#talk && (
          <Side
            talk={this.#talk}
            session={{ ...session, level, online }}
            tab={side}
            choose={(side) => this.setState({ side })}
          />
        )}
        <div class="toasts" role="status">
          {toasts.map(({ key, text, icon, rule }) => (
            <p class="toast" key={key}>
              <Icon of={icon} size={18} />
              <span>
                {text}
                {rule && <small>{t("console.refused_rule", { rule: ruleName(rule) })}</small>}
              </span>
              <button
                class="button quiet square"
                type="button"
                aria-label={t("common.close")}
                onClick={() => this.#dismiss(key)}
              >
                <Icon of={X} size={16} />
              </button>
            </p>
          ))}
        </div>
      </div>
    );
  }
}

/** An address without what is only noise to people. */
function readable(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return host.replace(/^www\./, "") + (pathname === "/" ? "" : decodeURI(pathname));
  } catch {
    return url;
  }
}
