// Pieces that several screens of the console show.

import { Check, CircleAlert, Copy, Eye, MousePointer2, MousePointerClick } from "lucide";
import { useRef, useState } from "preact/hooks";
import type { Permission, Session } from "../shared/api";
import { type Key, language, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { enterPin, explain } from "./state";

export function StateBadge({ session }: { session: Session }) {
  switch (session.state) {
    case "invited":
      return <span class="badge">{t("console.state_invited")}</span>;
    case "waiting":
      return <span class="badge warn">{t("console.state_waiting")}</span>;
    case "active":
      return session.online ? (
        <span class="badge good">{t("console.state_active")}</span>
      ) : (
        <span class="badge warn">{t("console.state_offline")}</span>
      );
    case "ended":
      return <span class="badge">{t("console.state_ended")}</span>;
  }
}

export function LevelBadge({ level }: { level: Permission }) {
  const { icon, key } = {
    look: { icon: Eye, key: "console.level_look" },
    point: { icon: MousePointer2, key: "console.level_point" },
    control: { icon: MousePointerClick, key: "console.level_control" },
  }[level] as {
    icon: typeof Eye;
    key: "console.level_look" | "console.level_point" | "console.level_control";
  };
  return (
    <span class={`badge ${level === "control" ? "soft" : ""}`} title={t("console.level")}>
      <Icon of={icon} size={14} />
      {t(key)}
    </span>
  );
}

interface PinFormProps {
  field?: { current: HTMLInputElement | null };
  done(session: Session): void;
}

/** Six digits, typed or pasted in whatever grouping. */
export function PinForm({ field, done }: PinFormProps) {
  const own = useRef<HTMLInputElement>(null);
  const input = field ?? own;
  const [pin, setPin] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (busy) return;
    if (pin.length !== 6) {
      setProblem(t("console.error_pin_short"));
      input.current?.focus();
      return;
    }
    setBusy(true);
    setProblem("");
    try {
      done(await enterPin(pin));
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
      input.current?.select();
    }
  }

  return (
    <form onSubmit={submit} noValidate class="pin-form">
      <div class="line">
        <div class="field">
          <label for="pin">{t("console.pin")}</label>
          <input
            class="input digits"
            id="pin"
            name="pin"
            ref={input}
            inputMode="numeric"
            autocomplete="off"
            placeholder="000 000"
            value={pin.length > 3 ? `${pin.slice(0, 3)} ${pin.slice(3)}` : pin}
            aria-invalid={problem !== ""}
            aria-describedby="pin-problem"
            onInput={(event) => {
              const digits = event.currentTarget.value.replace(/\D/g, "").slice(0, 6);
              event.currentTarget.value =
                digits.length > 3 ? `${digits.slice(0, 3)} ${digits.slice(3)}` : digits;
              setPin(digits);
              if (problem) setProblem("");
            }}
          />
        </div>
        <button class="button primary" type="submit" aria-busy={busy} disabled={busy}>
          {t("console.pin_enter")}
        </button>
      </div>
      <div id="pin-problem" role="alert">
        {problem && (
          <p class="note bad">
            <Icon of={CircleAlert} size={18} />
            <span>{problem}</span>
          </p>
        )}
      </div>
    </form>
  );
}

interface CopyProps {
  text: string;
  /** What the button says. */
  words?: Key;
  /** What to do instead where the clipboard is refused: show the text to be copied by hand. */
  refused(): void;
}

export function CopyButton({ text, words = "console.copy", refused }: CopyProps) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      class="button primary"
      type="button"
      onClick={async () => {
        try {
          await navigator.clipboard.writeText(text);
        } catch {
          return refused();
        }
        setCopied(true);
        setTimeout(() => setCopied(false), 2500);
      }}
    >
      <Icon of={copied ? Check : Copy} size={18} />
      <span role="status">{copied ? t("console.copied") : t(words)}</span>
    </button>
  );
}

/** A time as people read it: today's without its date. */
export function moment(at: string): string {
  const time = new Date(at);
  const today = time.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(
    language(),
    today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" },
  ).format(time);
}

/** What an agent knows a site by. */
export function siteOf(site: string): string {
  try {
    return new URL(site).host.replace(/^www\./, "");
  } catch {
    return site;
  }
}
