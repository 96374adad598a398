// Home: start a session, enter a PIN, go on with an open session.

import { CircleAlert, CircleHelp, KeyRound, LogOut, MonitorSmartphone, Plus, RotateCw } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../shared/api";
import { Brand } from "../shared/brand";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { LanguagePicker } from "../shared/language";
import { useLanguage } from "../shared/use-language";
import { isTyping } from "./app";
import { Drifted } from "./drift";
import { History } from "./history";
import { LevelBadge, moment, PinForm, StateBadge, siteOf } from "./parts";
import { Picker } from "./picker";
import { rememberSite } from "./recent";
import { agent, drifted, end, explain, helping, invite, listed, open, refresh, show, signOut } from "./state";

export function Home() {
  useLanguage();
  const site = useRef<HTMLInputElement>(null);
  const pin = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Lado";
    const press = (event: KeyboardEvent) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || helping.value) return;
      const field = { n: site.current, p: pin.current }[event.key];
      if (!field) return;
      event.preventDefault();
      field.focus();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);

  return (
    <div class="home">
      <Top />
      <main>
        <h1 class="sr">{t("console.home")}</h1>
        <Drifted alarms={drifted.value} />
        <div class="starts">
          <NewSession field={site} />
          <section class="card start">
            <h2>
              <Icon of={KeyRound} /> {t("console.pin_title")}
            </h2>
            <p class="muted">{t("console.pin_more")}</p>
            <PinForm field={pin} done={(session) => show(session.id)} />
          </section>
        </div>
        <Open />
        <History />
      </main>
    </div>
  );
}

function Top() {
  useLanguage();
  const who = agent.value;
  return (
    <header class="top">
      <Brand />
      <span class="company">{who?.company.name}</span>
      <span class="grow" />
      <button
        class="button quiet square"
        type="button"
        onClick={() => {
          helping.value = true;
        }}
        aria-label={t("console.help")}
        title={`${t("console.help")} (?)`}
      >
        <Icon of={CircleHelp} />
      </button>
      <LanguagePicker />
      <span class="who">{who?.display}</span>
      <button class="button quiet small" type="button" onClick={() => signOut()}>
        <Icon of={LogOut} size={18} />
        <span class="wide">{t("console.sign_out")}</span>
        <span class="sr narrow">{t("console.sign_out")}</span>
      </button>
    </header>
  );
}

function NewSession({ field }: { field: { current: HTMLInputElement | null } }) {
  useLanguage();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  async function begin(address: string): Promise<void> {
    const site = complete(address);
    if (!site) {
      setProblem(t("console.error_bad_address"));
      field.current?.focus();
      return;
    }
    setBusy(true);
    setProblem("");
    try {
      const session = await invite(site);
      rememberSite(site);
      show(session.id);
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
      field.current?.focus();
    }
  }

  return (
    <section class="card start">
      <h2>
        <Icon of={Plus} /> {t("console.new")}
      </h2>
      <p class="muted">{t("console.new_more")}</p>
      <form
        class="line"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) begin(field.current?.value ?? "");
        }}
      >
        <div class="field">
          <label for="site">{t("console.site")}</label>
          <input
            class="input"
            id="site"
            name="site"
            ref={field}
            inputMode="url"
            autocomplete="url"
            autocapitalize="none"
            spellcheck={false}
            placeholder="www.example.com"
            aria-invalid={problem !== ""}
            aria-describedby="site-problem"
            onInput={() => problem && setProblem("")}
          />
        </div>
        <button class="button primary" type="submit" aria-busy={busy} disabled={busy}>
          {t("console.create")}
        </button>
      </form>
      <div id="site-problem" role="alert">
        {problem && (
          <p class="note bad">
            <Icon of={CircleAlert} size={18} />
            <span>{problem}</span>
          </p>
        )}
      </div>
      <Picker busy={busy} begin={begin} />
    </section>
  );
}

function Open() {
  useLanguage();
  const rows = open.value;
  return (
    <section class="open" aria-labelledby="open">
      <h2 id="open">{t("console.open")}</h2>
      {listed.value === "loading" && rows.length === 0 ? (
        <div class="card nothing" role="status">
          <span class="spinner" />
          <p>{t("console.loading")}</p>
        </div>
      ) : listed.value === "failed" ? (
        <div class="card nothing" role="alert">
          <p>{t("console.error_offline")}</p>
          <button class="button" type="button" onClick={refresh}>
            <Icon of={RotateCw} size={18} />
            {t("common.again")}
          </button>
        </div>
      ) : rows.length === 0 ? (
        <div class="card nothing">
          <span class="round">
            <Icon of={MonitorSmartphone} size={28} />
          </span>
          <p>
            <strong>{t("console.none")}</strong>
          </p>
          <p class="muted">{t("console.none_more")}</p>
        </div>
      ) : (
        <ul class="card rows">
          {rows.map((session) => (
            <Row key={session.id} session={session} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Row({ session }: { session: Session }) {
  useLanguage();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const name = session.page?.title || siteOf(session.site);
  return (
    <li>
      <button class="session" type="button" onClick={() => show(session.id)}>
        <strong>{name}</strong>
        <span class="muted">
          {session.page?.title ? `${siteOf(session.site)} · ` : ""}
          {moment(session.created)}
        </span>
      </button>
      <span class="badges">
        <StateBadge session={session} />
        {session.state === "active" && <LevelBadge level={session.level} />}
      </span>
      <span class="actions">
        <button class="button small" type="button" onClick={() => show(session.id)}>
          {t("console.enter")}
          <span class="sr"> {name}</span>
        </button>
        <button
          class="button small quiet danger"
          type="button"
          disabled={busy}
          onClick={() => {
            setBusy(true);
            end(session.id).catch((error) => {
              setBusy(false);
              setProblem(explain(error));
            });
          }}
        >
          {t("console.end")}
          <span class="sr"> {name}</span>
        </button>
      </span>
      {problem && (
        <p class="note bad" role="alert">
          {problem}
        </p>
      )}
    </li>
  );
}

/** An address as people type it, completed: https unless it is a name of this machine. Null when it is none. */
export function complete(address: string): string | null {
  const text = address.trim();
  if (text === "" || /\s/.test(text)) return null;
  const local = /^(localhost|127\.0\.0\.1|\[::1\])(?=[:/]|$)/i.test(text);
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `${local ? "http" : "https"}://${text}`;
  try {
    const url = new URL(full);
    const named = url.hostname.includes(".") || url.hostname === "localhost" || url.hostname.startsWith("[");
    return /^https?:$/.test(url.protocol) && named ? url.href : null;
  } catch {
    return null;
  }
}
