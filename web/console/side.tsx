// The side column of a session: chat, who takes part and what they may do, and what has happened.

import {
  CircleCheck,
  CircleX,
  ExternalLink,
  Hand,
  MessageCircle,
  NotebookPen,
  ScrollText,
  UserPlus,
  Users,
} from "lucide";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { call, type Session } from "../shared/api";
import { Chat } from "../shared/chat";
import type { Ask, Entry } from "../shared/conversation";
import { type Key, language, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { useLanguage } from "../shared/use-language";
import { Drifted } from "./drift";
import { EvidenceList } from "./evidence";
import { Notes } from "./notes";
import { LevelBadge } from "./parts";
import { agent, drifted } from "./state";
import type { Talk, Wanted } from "./talk";

export type Tab = "chat" | "people" | "events" | "notes";

interface SideProps {
  talk: Talk;
  session: Session;
  tab: Tab;
  choose(tab: Tab): void;
}

const TABS: { name: Tab; icon: typeof Users; text: Key }[] = [
  { name: "chat", icon: MessageCircle, text: "chat.title" },
  { name: "people", icon: Users, text: "console.people" },
  { name: "events", icon: ScrollText, text: "console.events" },
  { name: "notes", icon: NotebookPen, text: "console.notes" },
];

export function Side({ talk, session, tab, choose }: SideProps) {
  useLanguage();
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const list = useRef<HTMLDivElement>(null);
  const { conversation } = talk;
  useEffect(() => conversation.onchange(() => draw(undefined)), [conversation]);
  const { unread } = conversation;
  return (
    <aside class="side" aria-label={t("console.side")}>
      <div
        class="tabs"
        role="tablist"
        aria-label={t("console.side")}
        ref={list}
        onKeyDown={(event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!step) return;
          event.preventDefault();
          const at = TABS.findIndex(({ name }) => name === tab);
          const next = TABS[(at + step + TABS.length) % TABS.length]?.name ?? "chat";
          choose(next);
          list.current?.querySelector<HTMLElement>(`#to-${next}`)?.focus();
        }}
      >
        {TABS.map(({ name, icon, text }) => (
          <button
            key={name}
            id={`to-${name}`}
            type="button"
            role="tab"
            aria-selected={tab === name}
            aria-controls={`tab-${name}`}
            tabIndex={tab === name ? 0 : -1}
            onClick={() => choose(name)}
          >
            <Icon of={icon} size={18} />
            {t(text)}
            {name === "chat" && tab !== "chat" && unread > 0 && (
              <span class="count">
                <span aria-hidden="true">{unread}</span>
                <span class="sr">{t("chat.new", { count: unread })}</span>
              </span>
            )}
          </button>
        ))}
      </div>
      <div class="content" id={`tab-${tab}`} role="tabpanel" aria-labelledby={`to-${tab}`}>
        <Pending session={session} talk={talk} />
        {tab === "chat" ? (
          <Chat conversation={conversation} side="agent" other={t("chat.customer")} />
        ) : tab === "people" ? (
          <People session={session} talk={talk} />
        ) : tab === "events" ? (
          <>
            <Drifted alarms={drifted.value} />
            <Events entries={conversation.entries} />
            <EvidenceList session={session.id} />
          </>
        ) : (
          <Notes id={session.id} />
        )}
      </div>
    </aside>
  );
}

/** A question that the customer has not answered yet, or that waits for the connection. */
function Pending({ session, talk }: { session: Session; talk: Talk }) {
  useLanguage();
  const { waiting } = talk;
  const { request } = session;
  const question = waiting ?? request;
  if (!question) return null;
  const own = waiting !== null || request?.by.name === agent.value?.name;
  return (
    <div class="note warn pending" role="status">
      <span class="spinner" />
      <div>
        <strong>{t(waiting ? "console.asked_later" : "console.asked_waiting")}</strong>
        <p>{asked(question)}</p>
        {own && (
          <button class="button small" type="button" onClick={() => talk.withdraw()}>
            {t("console.withdraw")}
          </button>
        )}
      </div>
    </div>
  );
}

function asked(ask: Ask | Wanted): string {
  // What is not asked yet knows a colleague by name alone.
  const who = "who" in ask && ask.who ? (typeof ask.who === "string" ? ask.who : ask.who.display) : "";
  switch (ask.what) {
    case "control":
      return t("console.asked_control");
    case "open":
      return t("console.asked_open", { url: ask.url ?? "" });
    case "hand_over":
      return t("console.asked_hand_over", { who });
    case "invite":
      return t("console.asked_invite", { who });
  }
}

interface Colleague {
  name: string;
  display: string;
  role: string;
}

function People({ session, talk }: { session: Session; talk: Talk }) {
  useLanguage();
  const [colleagues, setColleagues] = useState<Colleague[]>([]);
  const [address, setAddress] = useState("");
  const [handTo, setHandTo] = useState("");
  const [inviting, setInviting] = useState("");
  useEffect(() => {
    call<{ colleagues: Colleague[] }>("GET", "/api/colleagues").then(
      (answer) => setColleagues(answer.colleagues),
      () => setColleagues([]),
    );
  }, []);
  const here = new Set(session.people?.map(({ name }) => name));
  const others = colleagues.filter(({ name }) => !here.has(name));
  const supervisor = agent.value?.role === "supervisor";
  const may = !supervisor && !session.request && !talk.waiting;
  return (
    <div class="people">
      <ul>
        <li>
          <span class={`dot ${session.online ? "good" : ""}`} aria-hidden="true" />
          <span>
            <strong>{t("chat.customer")}</strong>
            <small>{t(session.online ? "console.here" : "console.customer_away")}</small>
          </span>
        </li>
        {session.people?.map(({ name, display, role, here }) => (
          <li key={name}>
            <span class={`dot ${here ? "good" : ""}`} aria-hidden="true" />
            <span>
              <strong>
                {display}
                {name === agent.value?.name && ` (${t("chat.you")})`}
              </strong>
              <small>
                {t(roleKey(role))} · {t(here ? "console.here" : "console.not_here")}
              </small>
            </span>
          </li>
        ))}
      </ul>
      <h2>{t("console.level")}</h2>
      <p>
        <LevelBadge level={session.level} />
      </p>
      {!supervisor && (
        <>
          {session.level !== "control" && (
            <button
              class="button"
              type="button"
              disabled={!may}
              onClick={() => talk.ask({ what: "control" })}
            >
              <Icon of={Hand} size={18} />
              {t("console.ask_control")}
            </button>
          )}
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (!address.trim() || !may) return;
              talk.ask({ what: "open", url: address.trim() });
              setAddress("");
            }}
          >
            <label for="open-address">{t("console.open_page")}</label>
            <div class="pair">
              <input
                class="input"
                id="open-address"
                inputMode="url"
                autocapitalize="none"
                autocomplete="off"
                spellcheck={false}
                placeholder="www.example.com/help"
                value={address}
                onInput={(event) => setAddress(event.currentTarget.value)}
              />
              <button
                class="button square"
                type="submit"
                aria-label={t("console.open_page")}
                title={t("console.open_page")}
                disabled={!may || !address.trim()}
              >
                <Icon of={ExternalLink} size={18} />
              </button>
            </div>
          </form>
          <Choose
            id="hand-over"
            label={t("console.hand_over")}
            icon={Users}
            people={others.filter(({ role }) => role !== "supervisor")}
            chosen={handTo}
            choose={setHandTo}
            may={may}
            ask={() => {
              talk.ask({ what: "hand_over", who: handTo });
              setHandTo("");
            }}
          />
          <Choose
            id="invite"
            label={t("console.invite")}
            icon={UserPlus}
            people={others}
            chosen={inviting}
            choose={setInviting}
            may={may}
            ask={() => {
              talk.ask({ what: "invite", who: inviting });
              setInviting("");
            }}
          />
        </>
      )}
    </div>
  );
}

interface ChooseProps {
  id: string;
  label: string;
  icon: typeof Users;
  people: Colleague[];
  chosen: string;
  may: boolean;
  choose(name: string): void;
  ask(): void;
}

function Choose({ id, label, icon, people, chosen, may, choose, ask }: ChooseProps) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (chosen && may) ask();
      }}
    >
      <label for={id}>{label}</label>
      <div class="pair">
        <select
          class="input"
          id={id}
          value={chosen}
          disabled={people.length === 0}
          onChange={(event) => choose(event.currentTarget.value)}
        >
          <option value="">{t(people.length ? "console.choose_person" : "console.no_person")}</option>
          {people.map(({ name, display, role }) => (
            <option key={name} value={name}>
              {display} · {t(roleKey(role))}
            </option>
          ))}
        </select>
        <button
          class="button square"
          type="submit"
          aria-label={label}
          title={label}
          disabled={!may || !chosen}
        >
          <Icon of={icon} size={18} />
        </button>
      </div>
    </form>
  );
}

function roleKey(role: string): Key {
  return role === "supervisor"
    ? "console.role_supervisor"
    : role === "admin"
      ? "console.role_admin"
      : "console.role_agent";
}

function Events({ entries }: { entries: readonly Entry[] }) {
  const events = entries.filter((entry) => entry.event);
  const time = new Intl.DateTimeFormat(language(), { timeStyle: "medium" });
  return (
    <ol class="events">
      {events.map((entry) => (
        <li key={entry.id}>
          <time dateTime={entry.at}>{time.format(new Date(entry.at))}</time>
          <span>
            {entry.event === "answered" && <Icon of={entry.yes ? CircleCheck : CircleX} size={15} />}
            {told(entry)}
          </span>
        </li>
      ))}
    </ol>
  );
}

function told(entry: Entry): string {
  const who = entry.person?.display ?? "";
  switch (entry.event) {
    case "came":
      return t("console.event_came");
    case "entered":
      return t("console.event_entered", { who });
    case "allowed":
      return t(
        (
          {
            look: "console.event_look",
            point: "console.event_point",
            control: "console.event_control",
          } as const
        )[entry.level ?? "look"],
      );
    case "paused":
      return t("console.event_paused");
    case "resumed":
      return t("console.event_resumed");
    case "asked":
      return t("console.event_asked", { who, what: entry.ask ? asked(entry.ask) : "" });
    case "answered":
      return t(entry.yes ? "console.event_yes" : "console.event_no", {
        what: entry.ask ? asked(entry.ask) : "",
      });
    case "withdrew":
      return t("console.event_withdrew", { who });
    default:
      return "";
  }
}
