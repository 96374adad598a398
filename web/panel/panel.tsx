// The panel: who watches, the PIN, what they may do, the chat, and the end; as a card or as a pill.

import {
  ChevronDown,
  CircleStop,
  Eye,
  EyeOff,
  Hourglass,
  MessageCircle,
  MousePointer2,
  MousePointerClick,
  Move,
  Pause,
  Play,
  ShieldCheck,
  UserRound,
  WifiOff,
} from "lucide";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Permission } from "../shared/api";
import { Logo, Mark, sentence } from "../shared/brand";
import { Chat } from "../shared/chat";
import { type Key, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { useLanguage } from "../shared/use-language";
import { Request } from "./request";
import type { Connection, PanelSocket, PanelState } from "./socket";
import { agentOf, companyOf, initials, roleOf } from "./words";

/** Presses in the first moment after something has moved under the finger do not count. */
const CALM = 500;
/** The pill is no wider; the panel is narrower, and has the whole width of a phone (panel.css). */
const WIDTH = 328;
/** On narrower screens the panel always makes way for the page. */
const PHONE = 480;
/** A message shows in the pill for this long. */
const PREVIEW = 8000;

export function Panel({ socket }: { socket: PanelSocket }) {
  useLanguage();
  const [state, setState] = useState<PanelState | null>(null);
  const [connection, setConnection] = useState<Connection>("connecting");
  /** Open or small as the customer has chosen; before that it is small wherever it need not be read. */
  const [chosen, setOpen] = useState<boolean | null>(null);
  const [tab, setTab] = useState<"session" | "chat">("session");
  const [preview, setPreview] = useState("");
  const [ending, setEnding] = useState(false);
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const shown = useRef(Date.now());
  const root = useRef<HTMLDivElement>(null);
  const { conversation } = socket;

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    socket.onstate = setState;
    socket.onconnection = setConnection;
    socket.onmessage = (messages) => {
      const last = messages.at(-1);
      setPreview(last ? `${last.person?.display ?? ""}: ${last.text ?? ""}` : "");
      clearTimeout(timer);
      timer = setTimeout(() => setPreview(""), PREVIEW);
    };
    const stop = conversation.onchange(() => draw(undefined));
    socket.open();
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [socket, conversation]);
  useEffect(() => announceSize(root.current), []);
  // Whoever goes on with the page wants to see it; who chats on a large screen wants both.
  useEffect(() => {
    const small = () => {
      if (tab === "session" || screen.width <= PHONE) setOpen(null);
    };
    window.addEventListener("blur", small);
    return () => window.removeEventListener("blur", small);
  }, [tab]);
  const ended = connection === "ended" || state?.phase === "ended";
  const request = state?.phase === "active" ? (state.request ?? null) : null;
  const open = ended || request !== null || (chosen ?? (state !== null && state.phase !== "active"));
  const status = statusOf(state, connection, ended);
  const { unread } = conversation;
  const chatting = state?.phase === "active" && tab === "chat";
  // A PIN that has been read out makes way for the page, whatever was chosen before.
  useLayoutEffect(() => setOpen(null), [state?.phase]);
  useLayoutEffect(() => {
    shown.current = Date.now();
  }, [open, state?.phase, request?.id]);
  const calmly = (act: () => void) => () => {
    if (Date.now() - shown.current >= CALM) act();
  };

  const end = calmly(() => {
    setEnding(true);
    socket.end();
  });
  // What hides is done at once, what shows again calmly.
  const pause = (paused: boolean) => (paused ? socket.pause(true) : calmly(() => socket.pause(false))());
  const unfold = (to: "session" | "chat") => {
    setTab(to);
    setPreview("");
    setOpen(true);
  };

  return (
    <div class={open ? "frame" : "frame small"} ref={root}>
      {open ? (
        <section class="panel" aria-label={t("panel.title")}>
          <header {...dragged}>
            <Mark size={22} />
            <h1>
              <span class={`dot ${status.tone}`} aria-hidden="true" />
              <span role="status">{status.text}</span>
            </h1>
            <button
              class="button quiet square move"
              type="button"
              aria-label={t("panel.move")}
              title={t("panel.move")}
              onClick={() => tellPage({ corner: true })}
              onKeyDown={(event) => {
                const way = ARROWS[event.key];
                if (!way) return;
                event.preventDefault();
                tellPage({ move: way });
              }}
            >
              <Icon of={Move} size={18} />
            </button>
            {!ended && !request && (
              <button
                class="button quiet square"
                type="button"
                aria-expanded="true"
                aria-label={t("panel.collapse")}
                title={t("panel.collapse")}
                onClick={() => setOpen(false)}
              >
                <Icon of={ChevronDown} />
              </button>
            )}
          </header>
          {ended ? (
            <Farewell state={state} />
          ) : state ? (
            <>
              {connection === "lost" && (
                <p class="note warn" role="alert">
                  <Icon of={WifiOff} size={18} />
                  <span>{t("panel.lost_more")}</span>
                </p>
              )}
              {request ? (
                <Request request={request} answer={(yes) => socket.answer(request.id, yes)} />
              ) : state.phase === "active" ? (
                <>
                  <Tabs tab={tab} unread={unread} choose={setTab} />
                  {chatting ? (
                    <div id="tab-chat" role="tabpanel" aria-labelledby="to-chat">
                      <Chat
                        conversation={conversation}
                        side="customer"
                        other={agentOf(state)}
                        isPrivate={(text) => socket.isPrivate(text)}
                      />
                    </div>
                  ) : (
                    <div id="tab-session" class="stack" role="tabpanel" aria-labelledby="to-session">
                      <Agents state={state} />
                      <Permissions
                        level={state.level}
                        choose={(level) => calmly(() => socket.level(level))()}
                        agent={agentOf(state)}
                      />
                      <Privacy paused={state.paused === true} pause={(paused) => socket.pause(paused)} />
                    </div>
                  )}
                </>
              ) : (
                <>
                  <Own state={state} />
                  <Pin state={state} socket={socket} />
                </>
              )}
              <button
                class="button danger end"
                type="button"
                disabled={ending}
                aria-busy={ending}
                onClick={end}
              >
                <Icon of={CircleStop} size={18} />
                {t("panel.end")}
              </button>
            </>
          ) : (
            <div class="loading">
              <span class="spinner" />
            </div>
          )}
        </section>
      ) : (
        <section class="pill" aria-label={t("panel.title")}>
          <button
            type="button"
            aria-expanded="false"
            aria-label={`${t("panel.title")}: ${status.text}`}
            onClick={() => unfold(preview ? "chat" : "session")}
          >
            <Mark size={20} />
            <span class={`dot ${status.tone}`} aria-hidden="true" />
            <span class="words" role="status">
              {preview || status.text}
            </span>
          </button>
          {state?.phase === "active" && (
            <button
              class="talk"
              type="button"
              aria-label={unread ? t("chat.new", { count: unread }) : t("chat.title")}
              title={t("chat.title")}
              onClick={() => unfold("chat")}
            >
              <Icon of={MessageCircle} size={20} />
              {unread > 0 && (
                <span class="count" aria-hidden="true">
                  {unread}
                </span>
              )}
            </button>
          )}
          {state?.phase === "active" && <PillPause paused={state.paused === true} pause={pause} />}
          {state && (
            <button
              class="stop"
              type="button"
              disabled={ending}
              aria-label={t("panel.end")}
              title={t("panel.end")}
              onClick={end}
            >
              <Icon of={CircleStop} size={20} />
            </button>
          )}
        </section>
      )}
    </div>
  );
}

const STEP = 24;
const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

/** The page around knows the panel's frame, and learns nothing from this but what was pressed. */
function tellPage(message: object): void {
  if (window.parent !== window) window.parent.postMessage({ lado: "panel", ...message }, "*");
}

/** Moves the frame with the pointer. The frame goes with it, so that only the screen's own measure holds still. */
let last: { x: number; y: number } | null = null;
const dragged = {
  onPointerDown: (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if ((event.target as Element).closest("button") || event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    last = { x: event.screenX, y: event.screenY };
  },
  onPointerMove: (event: PointerEvent) => {
    if (!last) return;
    tellPage({ move: [event.screenX - last.x, event.screenY - last.y] });
    last = { x: event.screenX, y: event.screenY };
  },
  onPointerUp: () => {
    last = null;
  },
  onPointerCancel: () => {
    last = null;
  },
};

/** At hand while the customer is busy with the page: a card comes out of a wallet at once, or a child into the room. */
function PillPause({ paused, pause }: { paused: boolean; pause(paused: boolean): void }) {
  const text = t(paused ? "panel.resume" : "panel.pause");
  return (
    <button class="pause" type="button" aria-label={text} title={text} onClick={() => pause(!paused)}>
      <Icon of={paused ? Play : Pause} size={20} />
    </button>
  );
}

/** Where the page outlives the session: how long it was, and what is left of it. */
function Farewell({ state }: { state: PanelState | null }) {
  const [ended] = useState(() => Date.now());
  const started = state?.session_started ? Date.parse(state.session_started) : null;
  const minutes = started === null ? 0 : Math.floor(Math.max(0, ended - started) / 60_000);
  return (
    <>
      <p class="note good">
        <Icon of={ShieldCheck} size={18} />
        <span>{t("panel.ended_more")}</span>
      </p>
      {state && (
        <dl class="farewell">
          {started !== null && (
            <>
              <dt>{t("panel.ended_time")}</dt>
              <dd>{minutes ? t("panel.ended_minutes", { count: minutes }) : "< 1 min"}</dd>
            </>
          )}
          <dt>{t("panel.ended_recorded")}</dt>
          <dd>{t("panel.ended_nothing")}</dd>
          <dt>{t("panel.ended_kept", { company: companyOf(state) })}</dt>
          <dd>{t("panel.ended_history")}</dd>
        </dl>
      )}
      <button class="button" type="button" onClick={() => tellPage({ close: true })}>
        {t("common.close")}
      </button>
    </>
  );
}

interface TabsProps {
  tab: "session" | "chat";
  unread: number;
  choose(tab: "session" | "chat"): void;
}

function Tabs({ tab, unread, choose }: TabsProps) {
  const list = useRef<HTMLDivElement>(null);
  const button = (name: "session" | "chat", icon: typeof Eye, text: string, count = 0) => (
    <button
      id={`to-${name}`}
      type="button"
      role="tab"
      aria-selected={tab === name}
      aria-controls={`tab-${name}`}
      tabIndex={tab === name ? 0 : -1}
      onClick={() => choose(name)}
    >
      <Icon of={icon} size={18} />
      {text}
      {count > 0 && (
        <span class="count">
          <span aria-hidden="true">{count}</span>
          <span class="sr">{t("chat.new", { count })}</span>
        </span>
      )}
    </button>
  );
  return (
    <div
      class="tabs"
      role="tablist"
      aria-label={t("panel.title")}
      ref={list}
      onKeyDown={(event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.preventDefault();
        const next = tab === "session" ? "chat" : "session";
        choose(next);
        list.current?.querySelector<HTMLElement>(`#to-${next}`)?.focus();
      }}
    >
      {button("session", UserRound, t("panel.tab_session"))}
      {button("chat", MessageCircle, t("chat.title"), unread)}
    </div>
  );
}

/** What the customer can keep to themselves: everything for a while, a part of the page, and a look at what is hidden. */
function Privacy({ paused, pause }: { paused: boolean; pause(paused: boolean): void }) {
  const [marks, setMarks] = useState(true);
  return (
    <div class="privacy">
      {paused ? (
        <button class="button primary small" type="button" onClick={() => pause(false)}>
          <Icon of={Play} size={18} />
          {t("panel.resume")}
        </button>
      ) : (
        <button class="button small" type="button" onClick={() => pause(true)}>
          <Icon of={Pause} size={18} />
          {t("panel.pause")}
        </button>
      )}
      <button
        class="button small"
        type="button"
        onClick={() => tellPage({ hide: true })}
        onKeyDown={(event) => {
          if (event.key === "Escape") tellPage({ hide: false });
        }}
      >
        <Icon of={EyeOff} size={18} />
        {t("panel.hide")}
      </button>
      <label>
        <input
          type="checkbox"
          checked={marks}
          onChange={({ currentTarget: { checked } }) => {
            setMarks(checked);
            tellPage({ marks: checked });
          }}
        />
        {t("panel.marks")}
      </label>
    </div>
  );
}

function Agents({ state }: { state: PanelState }) {
  const company = companyOf(state);
  return (
    <>
      <ul class="agents">
        {state.agents.map(({ display, role }) => (
          <li key={display}>
            <span class="face" aria-hidden="true">
              {initials(display)}
            </span>
            <span>
              <strong>{display}</strong>
              <small>
                {roleOf(role)} · {company}
              </small>
            </span>
          </li>
        ))}
      </ul>
      <p class="hint">
        <Icon of={ShieldCheck} size={16} />
        <span>{t("panel.private")}</span>
      </p>
    </>
  );
}

/** The company's own logo and sentence: whoever reads out a PIN wants to know to whom. */
function Own({ state: { company } }: { state: PanelState }) {
  const own = sentence(company, "panel");
  if (!company.logo && !own) return null;
  return (
    <div class="own">
      <Logo company={company} />
      {own && <p>{own}</p>}
    </div>
  );
}

function Pin({ state, socket }: { state: PanelState; socket: PanelSocket }) {
  const left = useMinutes(state.pin_expires);
  const { pin } = state;
  if (!pin || left <= 0) {
    return (
      <div class="pin">
        <p>
          <Icon of={Hourglass} size={18} /> {t("panel.pin_expired")}
        </p>
        <button class="button primary" type="button" onClick={() => socket.newPin()}>
          {t("panel.pin_new")}
        </button>
      </div>
    );
  }
  const groups = [pin.slice(0, 3), pin.slice(3)];
  return (
    <div class="pin">
      <p id="pin-label">{t("panel.pin", { agent: agentOf(state) })}</p>
      {/* Read digit by digit: "four hundred eighty-two" is of no use on the telephone. */}
      <p class="digits">
        <span class="sr">{pin.split("").join(" ")}</span>
        {groups.map((group, index) => (
          <span key={index} aria-hidden="true">
            {group}
          </span>
        ))}
      </p>
      <p class="hint">{t("panel.pin_left", { count: left })}</p>
    </div>
  );
}

const LEVELS: { level: Permission; icon: typeof Eye; title: Key; more: Key }[] = [
  { level: "look", icon: Eye, title: "panel.look", more: "panel.look_more" },
  { level: "point", icon: MousePointer2, title: "panel.point", more: "panel.point_more" },
  { level: "control", icon: MousePointerClick, title: "panel.control", more: "panel.control_more" },
];

interface PermissionsProps {
  level: Permission;
  agent: string;
  choose(level: Permission): void;
}

/**
 * Unlike native radio buttons, arrows only move the focus and Enter does nothing: only a click, a tap or the space bar
 * gives an agent more than before.
 */
function Permissions({ level, agent, choose }: PermissionsProps) {
  const list = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState<number | null>(null);
  const current = LEVELS.findIndex((row) => row.level === level);
  const stop = focused ?? Math.max(current, 0);

  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "Enter") event.preventDefault();
    if (!step) return;
    event.preventDefault();
    const next = (stop + step + LEVELS.length) % LEVELS.length;
    setFocused(next);
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };

  return (
    <div class="permissions">
      <h2 id="permissions">{t("panel.may", { agent })}</h2>
      <div class="levels" role="radiogroup" aria-labelledby="permissions" ref={list} onKeyDown={move}>
        {LEVELS.map((row, index) => (
          // biome-ignore lint/a11y/useSemanticElements: a native radio button changes its value with the arrow keys
          <button
            key={row.level}
            type="button"
            role="radio"
            class="level"
            aria-checked={row.level === level}
            tabIndex={index === stop ? 0 : -1}
            onClick={() => row.level !== level && choose(row.level)}
            onFocus={() => setFocused(index)}
          >
            <Icon of={row.icon} size={20} />
            <span>
              <strong>{t(row.title)}</strong>
              <small>{t(row.more)}</small>
            </span>
            <span class="mark" aria-hidden="true" />
          </button>
        ))}
      </div>
    </div>
  );
}

function statusOf(
  state: PanelState | null,
  connection: Connection,
  ended: boolean,
): { text: string; tone: string } {
  if (ended) return { text: t("panel.ended"), tone: "" };
  if (connection === "lost") return { text: t("panel.lost"), tone: "bad" };
  if (!state) return { text: t("panel.connecting"), tone: "warn" };
  if (state.paused) return { text: t("panel.paused"), tone: "warn" };
  if (state.phase !== "active") return { text: t("panel.waiting", { agent: agentOf(state) }), tone: "warn" };
  if (state.viewers === 0) return { text: t("panel.away", { agent: agentOf(state) }), tone: "warn" };
  if (state.agents.length > 1)
    return { text: t("panel.watch_many", { count: state.agents.length }), tone: "good" };
  return { text: t("panel.watch", { agent: agentOf(state) }), tone: "good" };
}

/** Whole minutes until then, counted down; 0 when it is over. */
function useMinutes(until: string | null | undefined): number {
  const [, draw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => draw((n) => n + 1), 5000);
    return () => clearInterval(timer);
  }, []);
  if (!until) return 1;
  return Math.max(0, Math.ceil((Date.parse(until) - Date.now()) / 60_000));
}

/** Tells the page around the frame how large the panel is, and nothing else. */
function announceSize(root: HTMLElement | null): (() => void) | undefined {
  if (!root || window.parent === window) return undefined;
  const say = () => {
    const { width, height } = root.getBoundingClientRect();
    const wanted = Math.min(Math.ceil(width), WIDTH);
    window.parent.postMessage({ lado: "panel", width: wanted, height: Math.ceil(height) }, "*");
  };
  const watcher = new ResizeObserver(say);
  watcher.observe(root);
  // Browsers do not draw a frame of another site while it is hidden, so nothing observes its first size.
  say();
  return () => watcher.disconnect();
}
