// The join page's states: loading, the invitation, an answer, or why there is none.

import { Check, Eye, EyeOff, SearchX, Unlink, WifiOff } from "lucide";
import { Component } from "preact";
import { ApiError, call, type Invitation } from "../shared/api";
import { Brand, Logo, sentence } from "../shared/brand";
import { type Key, onLanguage, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { LanguagePicker } from "../shared/language";

type State =
  | { phase: "loading" }
  | { phase: "open"; invitation: Invitation; busy: boolean; failed: boolean }
  | { phase: "declined" }
  | { phase: "gone" }
  | { phase: "unknown" }
  | { phase: "offline" };

/** A class and no hooks: every kilobyte counts on a customer's phone. */
export class Join extends Component<{ token: string }, { shown: State }> {
  override state: { shown: State } = { shown: { phase: "loading" } };
  readonly #path = `/api/join/${encodeURIComponent(this.props.token)}`;
  #stop: (() => void) | undefined;

  override componentDidMount(): void {
    this.#stop = onLanguage(() => this.forceUpdate());
    this.#load();
  }

  override componentDidUpdate(): void {
    document.title = `${this.#title()} · Lado`;
  }

  override componentWillUnmount(): void {
    this.#stop?.();
  }

  #show(shown: State): void {
    this.setState({ shown });
  }

  #load(): void {
    this.#show({ phase: "loading" });
    call<Invitation>("GET", this.#path).then(
      (invitation) => this.#show({ phase: "open", invitation, busy: false, failed: false }),
      (error) => this.#show({ phase: phaseOf(error) }),
    );
  }

  async #answer(invitation: Invitation, yes: boolean): Promise<void> {
    this.#show({ phase: "open", invitation, busy: true, failed: false });
    try {
      if (yes) location.assign((await call<{ url: string }>("POST", `${this.#path}/accept`)).url);
      else {
        await call("POST", `${this.#path}/decline`);
        this.#show({ phase: "declined" });
      }
    } catch (error) {
      const phase = phaseOf(error);
      this.#show(phase === "offline" ? { phase: "open", invitation, busy: false, failed: true } : { phase });
    }
  }

  #title(): string {
    const { shown } = this.state;
    return shown.phase === "open"
      ? t("join.title", { agent: shown.invitation.agent.display })
      : t(`join.${shown.phase}`);
  }

  override render() {
    const { shown } = this.state;
    return (
      <div class="page">
        <header>
          <Brand />
          <LanguagePicker />
        </header>
        <main>
          {shown.phase === "open" ? (
            <Open {...shown} title={this.#title()} answer={(yes) => this.#answer(shown.invitation, yes)} />
          ) : (
            <Plain phase={shown.phase} title={this.#title()} again={() => this.#load()} />
          )}
        </main>
        <footer>{t("join.footer")}</footer>
      </div>
    );
  }
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
  const own = sentence(company, "join");
  return (
    <article class="card invitation">
      <div class="bar" style={company.color ? { background: company.color } : undefined} />
      <p class="company">{company.logo ? <Logo company={company} /> : company.name}</p>
      <h1>{title}</h1>
      <p class="lead">{t("join.lead", { agent: agent.display, site: hostOf(site) })}</p>
      {own && <p class="own">{own}</p>}
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
