// The join page's states: loading, the invitation, an answer, or why there is none.

import { Check, Eye, EyeOff, SearchX, Unlink, WifiOff } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, call, type Invitation } from "../shared/api";
import { Brand } from "../shared/brand";
import { type Key, t, useLanguage } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { LanguagePicker } from "../shared/language";

type State =
  | { phase: "loading" }
  | { phase: "open"; invitation: Invitation; busy: boolean; failed: boolean }
  | { phase: "declined" }
  | { phase: "gone" }
  | { phase: "unknown" }
  | { phase: "offline" };

export function Join({ token }: { token: string }) {
  useLanguage();
  const [state, setState] = useState<State>({ phase: "loading" });
  const path = `/api/join/${encodeURIComponent(token)}`;

  const load = () => {
    setState({ phase: "loading" });
    call<Invitation>("GET", path).then(
      (invitation) => setState({ phase: "open", invitation, busy: false, failed: false }),
      (error) => setState({ phase: phaseOf(error) }),
    );
  };
  useEffect(load, []);

  const title =
    state.phase === "open"
      ? t("join.title", { agent: state.invitation.agent.display })
      : t(`join.${wordOf(state.phase)}`);
  useEffect(() => {
    document.title = `${title} · Lado`;
  });

  async function answer(invitation: Invitation, yes: boolean): Promise<void> {
    setState({ phase: "open", invitation, busy: true, failed: false });
    try {
      if (yes) location.assign((await call<{ url: string }>("POST", `${path}/accept`)).url);
      else {
        await call("POST", `${path}/decline`);
        setState({ phase: "declined" });
      }
    } catch (error) {
      const phase = phaseOf(error);
      setState(phase === "offline" ? { phase: "open", invitation, busy: false, failed: true } : { phase });
    }
  }

  return (
    <div class="page">
      <header>
        <Brand />
        <LanguagePicker />
      </header>
      <main>
        {state.phase === "open" ? (
          <Open {...state} title={title} answer={(yes) => answer(state.invitation, yes)} />
        ) : (
          <Plain phase={state.phase} title={title} again={load} />
        )}
      </main>
      <footer>{t("join.footer")}</footer>
    </div>
  );
}

interface OpenProps {
  invitation: Invitation;
  busy: boolean;
  failed: boolean;
  title: string;
  answer(yes: boolean): void;
}

function Open({ invitation, busy, failed, title, answer }: OpenProps) {
  const { agent, company, site } = invitation;
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (company.color && bar.current) bar.current.style.background = company.color;
  }, [company.color]);
  return (
    <article class="card invitation">
      <div class="bar" ref={bar} />
      <p class="company">{company.name}</p>
      <h1>{title}</h1>
      <p class="lead">{t("join.lead", { agent: agent.display, site: hostOf(site) })}</p>
      <div class="lists">
        <section>
          <h2>
            <Icon of={Eye} /> {t("join.sees", { agent: agent.display })}
          </h2>
          <ul>
            <li>{t("join.sees_page", { site: hostOf(site) })}</li>
            <li>{t("join.sees_doing")}</li>
          </ul>
        </section>
        <section>
          <h2>
            <Icon of={EyeOff} /> {t("join.hidden", { agent: agent.display })}
          </h2>
          <ul>
            <li>{t("join.hidden_private")}</li>
            <li>{t("join.hidden_tabs")}</li>
            <li>{t("join.hidden_device")}</li>
          </ul>
        </section>
      </div>
      <p class="note">
        <Icon of={Check} size={18} />
        <span>{t("join.control", { agent: agent.display })}</span>
      </p>
      {failed && (
        <p class="note bad" role="alert">
          <Icon of={WifiOff} size={18} />
          <span>{t("join.failed")}</span>
        </p>
      )}
      <div class="answers">
        <button
          class="button primary"
          type="button"
          disabled={busy}
          aria-busy={busy}
          onClick={() => answer(true)}
        >
          {t("join.start")}
        </button>
        <button class="button" type="button" disabled={busy} onClick={() => answer(false)}>
          {t("join.no")}
        </button>
      </div>
    </article>
  );
}

type PlainPhase = Exclude<State["phase"], "open">;

function Plain({ phase, title, again }: { phase: PlainPhase; title: string; again(): void }) {
  if (phase === "loading") {
    return (
      <div class="plain" role="status">
        <span class="spinner" />
        <span class="sr">{title}</span>
      </div>
    );
  }
  const icon = { declined: Check, gone: Unlink, unknown: SearchX, offline: WifiOff }[phase];
  const more: Key = {
    declined: "join.declined_more",
    gone: "join.gone_more",
    unknown: "join.unknown_more",
    offline: "join.offline_more",
  }[phase] as Key;
  return (
    <article class="card plain" aria-live="polite">
      <span class={`round ${phase === "declined" ? "good" : ""}`}>
        <Icon of={icon} size={28} />
      </span>
      <h1>{title}</h1>
      <p>{t(more)}</p>
      {phase === "offline" && (
        <button class="button primary" type="button" onClick={again}>
          {t("common.again")}
        </button>
      )}
    </article>
  );
}

function wordOf(phase: PlainPhase): PlainPhase {
  return phase;
}

function phaseOf(error: unknown): "gone" | "unknown" | "offline" {
  const status = error instanceof ApiError ? error.status : 0;
  return status === 410 ? "gone" : status === 404 || status === 400 ? "unknown" : "offline";
}

/** What a customer knows a site by. */
function hostOf(site: string): string {
  try {
    return new URL(site).host.replace(/^www\./, "");
  } catch {
    return site;
  }
}
