// The panel: who watches, the PIN, what they may do, the chat, and the end; as a card or as a pill.

import {
  ChevronDown,
  CircleStop,
  type Eye,
  Hourglass,
  MessageCircle,
  Move,
  ShieldCheck,
  Undo2,
  UserRound,
  WifiOff,
} from "lucide";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { Logo, Mark, sentence } from "../shared/brand";
import { Chat } from "../shared/chat";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { LanguagePicker } from "../shared/language";
import { useLanguage } from "../shared/use-language";
import { ARROWS, announceSize, dragged, tellPage } from "./frame";
import { Permissions } from "./permissions";
import { PillPause, Privacy } from "./privacy";
import { Request } from "./request";
import type { Connection, PanelSocket, PanelState } from "./socket";
import { agentOf, companyOf, initials, roleOf } from "./words";

/** Presses in the first moment after something has moved under the finger do not count. */
const CALM = 500;
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
  /** Something has just been hidden by hand. */
  const [undo, setUndo] = useState(false);
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
  const hidden = state?.hidden ?? 0;
  const before = useRef<number | null>(null);
  useEffect(() => {
    // What the first word of Lado tells of was hidden before, on this page or another.
    const more = before.current !== null && hidden > before.current;
    if (state) before.current = hidden;
    setUndo(more);
    if (!more) return;
    const timer = setTimeout(() => setUndo(false), PREVIEW);
    return () => clearTimeout(timer);
  }, [hidden, state === null]);
  // A PIN that has been read out makes way for the page, whatever was chosen before; the first word of Lado does not.
  const phase = useRef<PanelState["phase"] | undefined>(undefined);
  useLayoutEffect(() => {
    if (phase.current) setOpen(null);
    phase.current = state?.phase;
  }, [state?.phase]);
  useLayoutEffect(() => {
    shown.current = Date.now();
  }, [open, state?.phase, request?.id, undo]);
  const calmly = (act: () => void) => () => {
    if (Date.now() - shown.current >= CALM) act();
  };

  const end = calmly(() => {
    setEnding(true);
    socket.end();
  });
  // What hides is done at once, what shows again calmly.
  const pause = (paused: boolean) => (paused ? socket.pause(true) : calmly(() => socket.pause(false))());
  const calmlyShow = calmly(() => socket.show());
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
            <>
              <Farewell state={state} />
              <LanguagePicker />
            </>
          ) : state ? (
            <>
              {connection === "lost" && (
                <p class="note warn" role="alert">
                  <Icon of={WifiOff} size={18} />
                  <span>{t(state.kept ? "panel.lost_kept" : "panel.lost_more")}</span>
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
                      <Privacy
                        agent={agentOf(state)}
                        paused={state.paused === true}
                        hidden={hidden}
                        alone={state.viewers === 0 || state.paused === true || connection === "lost"}
                        pause={(paused) => socket.pause(paused)}
                        show={calmlyShow}
                      />
                    </div>
                  )}
                </>
              ) : (
                <>
                  <Own state={state} />
                  <Pin state={state} socket={socket} />
                </>
              )}
              {!request && <LanguagePicker />}
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
            {!(undo && hidden > 0) && <Mark size={20} />}
            <span class={`dot ${status.tone}`} aria-hidden="true" />
            <span class="words" role="status">
              {undo && state ? t("panel.hidden_from", { agent: agentOf(state) }) : preview || status.text}
            </span>
          </button>
          {state?.phase === "active" && !(undo && hidden > 0 && !unread) && (
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
          {undo && hidden > 0 && (
            <button
              class="undo"
              type="button"
              aria-label={t("panel.show_again")}
              title={t("panel.show_again")}
              onClick={calmlyShow}
            >
              <Icon of={Undo2} size={20} />
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

/** The agent's photo, or initials until there is one. */
function Face({ name, photo }: { name: string; photo: string | undefined }) {
  const [failed, setFailed] = useState(false);
  if (photo && !failed) return <img class="face" src={photo} alt="" onError={() => setFailed(true)} />;
  return (
    <span class="face" aria-hidden="true">
      {initials(name)}
    </span>
  );
}

function Agents({ state }: { state: PanelState }) {
  const company = companyOf(state);
  return (
    <>
      <ul class="agents">
        {state.agents.map(({ display, role, photo }) => (
          <li key={display}>
            <Face name={display} photo={photo} />
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
