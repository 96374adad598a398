// What the console knows: who is signed in, which sessions are open, which one shows. Lado's events keep it fresh.

import { computed, signal } from "@preact/signals";
import { type Agent, ApiError, call, type Session } from "../shared/api";
import { type Key, t } from "../shared/i18n";
import type { Alarm } from "./drift";

/** Undefined until Lado has answered. */
export const agent = signal<Agent | null | undefined>(undefined);
export const sessions = signal<ReadonlyMap<string, Session>>(new Map());
/** Whether the list of sessions has come; events alone do not make it complete. */
export const listed = signal<"loading" | "ready" | "failed">("loading");
/** The session in the address, if any: `/#/s/{id}`. */
export const shown = signal<string | null>(sessionOf(location.hash));
/** Whether Lado's events arrive. */
export const live = signal(true);
export const helping = signal(false);
/** The company's rules that no longer match. */
export const drifted = signal<readonly Alarm[]>([]);

export const open = computed(() =>
  [...sessions.value.values()]
    .filter((session) => session.state !== "ended")
    .sort((a, b) => b.created.localeCompare(a.created)),
);

export function start(): void {
  addEventListener("hashchange", () => {
    shown.value = sessionOf(location.hash);
  });
  call<Agent>("GET", "/api/me").then(signedIn, (error) => {
    // No answer is not the same as no: the sign-in says so when it is tried.
    agent.value = null;
    if (error instanceof ApiError && error.status !== 401) live.value = false;
  });
}

export async function signIn(name: string, password: string): Promise<void> {
  signedIn(await call<Agent>("POST", "/api/sign-in", { name, password }));
}

export async function signOut(): Promise<void> {
  await call("POST", "/api/sign-out").catch(() => undefined);
  signedOut();
}

export async function invite(site: string): Promise<Session> {
  const session = await call<Session>("POST", "/api/sessions", { site });
  put(session);
  return sessions.value.get(session.id) ?? session;
}

export async function enterPin(pin: string): Promise<Session> {
  const session = await call<Session>("POST", "/api/pin", { pin });
  put(session);
  return session;
}

export async function end(id: string): Promise<void> {
  await call("POST", `/api/sessions/${id}/end`);
  const session = sessions.value.get(id);
  if (session) put({ ...session, state: "ended" });
}

/** The viewer's document with a ticket in its fragment. */
export async function viewer(id: string): Promise<string> {
  return (await call<{ url: string }>("POST", `/api/sessions/${id}/viewer`)).url;
}

export async function load(id: string): Promise<void> {
  put(await call<Session>("GET", `/api/sessions/${id}`));
}

export function show(id: string | null): void {
  location.hash = id ? `#/s/${id}` : "#/";
  shown.value = id;
}

export function refresh(): void {
  listed.value = "loading";
  call<{ sessions: Session[] }>("GET", "/api/sessions").then(
    (answer) => {
      const open = new Map(answer.sessions.map((session) => [session.id, keep(session)]));
      // The session on the screen has ended where it is no longer among the open ones, or is newer than they are.
      const here = sessions.value.get(shown.value ?? "");
      if (here && !open.has(here.id)) {
        open.set(here.id, here);
        load(here.id).catch((error) => {
          if (error instanceof ApiError && error.status === 404) put({ ...here, state: "ended" });
        });
      }
      sessions.value = open;
      listed.value = "ready";
    },
    (error) => {
      if (error instanceof ApiError && error.status === 401) signedOut();
      else listed.value = "failed";
    },
  );
}

/** What to tell an agent about something that did not work. */
export function explain(error: unknown): string {
  const code = error instanceof ApiError ? error.code : "";
  const known = REASONS[code];
  if (known) return t(known);
  const status = error instanceof ApiError ? error.status : 0;
  if (status === 429) return t("console.error_attempts");
  if (status === 401) return t("console.error_signed_out");
  return t(status === 0 || status >= 500 ? "console.error_offline" : "console.error_unknown");
}

const REASONS: Record<string, Key> = {
  not_allowed: "console.error_not_allowed",
  bad_address: "console.error_bad_address",
  invalid_pin: "console.error_pin",
  wrong_password: "console.error_sign_in",
  not_signed_in: "console.error_signed_out",
  too_many_attempts: "console.error_attempts",
  too_many_sessions: "console.error_full",
  no_session: "console.unknown_more",
  ended: "console.over_more",
  busy: "console.error_busy",
  supervisor: "console.error_supervisor",
  there: "console.error_there",
  not_kept: "console.error_not_kept",
  too_many_favourites: "console.error_favourites",
  offline: "console.error_offline",
};

const AWAY = 2500;
let events: EventSource | undefined;
let away: ReturnType<typeof setTimeout> | undefined;
let missed = false;

function signedIn(who: Agent): void {
  agent.value = who;
  live.value = true;
  refresh();
  events?.close();
  events = new EventSource("/api/events");
  events.addEventListener("session", (event) =>
    put(JSON.parse((event as MessageEvent<string>).data) as Session),
  );
  events.addEventListener("drift", (event) => {
    drifted.value = (JSON.parse((event as MessageEvent<string>).data) as { alarms: Alarm[] }).alarms;
  });
  events.onopen = () => {
    clearTimeout(away);
    drifted.value = [];
    // What happened while the stream was away is in the list.
    if (missed) refresh();
    missed = false;
    live.value = true;
  };
  events.onerror = () => {
    missed = true;
    // Browsers come back to a stream within seconds, and agents need not hear of every time.
    clearTimeout(away);
    away = setTimeout(() => {
      live.value = false;
    }, AWAY);
    // A browser gives up on an answer that is no stream, such as 401 after the sign-in has expired.
    if (events?.readyState !== EventSource.CLOSED) return;
    setTimeout(() => {
      if (agent.value)
        call<Agent>("GET", "/api/me").then(signedIn, (error) => {
          if (error instanceof ApiError && error.status === 401) signedOut();
          else if (agent.value) events?.onerror?.(new Event("error"));
        });
    }, 3000);
  };
}

function signedOut(): void {
  events?.close();
  clearTimeout(away);
  agent.value = null;
  sessions.value = new Map();
  listed.value = "loading";
}

function put(session: Session): void {
  const next = new Map(sessions.value);
  next.set(session.id, keep(session));
  sessions.value = next;
}

/** The link is told when the session is made and may be missing from later news. An answer that was on its way when the
 * session ended comes too late. */
function keep(session: Session): Session {
  const before = sessions.value.get(session.id);
  if (before?.state === "ended") return before;
  if (session.state !== "invited" || session.link || !before?.link) return session;
  return { ...session, link: before.link, expires: session.expires ?? before.expires ?? null };
}

function sessionOf(hash: string): string | null {
  return /^#\/s\/([a-z2-7]{16})$/.exec(hash)?.[1] ?? null;
}
