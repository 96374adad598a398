// What shows in place of a session's page: its end, or why there is none.

import type { Lock } from "lucide";
import type { ComponentChildren } from "preact";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { show } from "./state";

const WORDS = {
  ended: ["console.over", "console.over_more"],
  unknown: ["console.unknown", "console.unknown_more"],
  failed: ["console.failed", "console.failed_more"],
  handed: ["console.handed", "console.handed_more"],
  pin: ["console.own_pin", "console.own_pin_more"],
} as const;

interface OverProps {
  icon: typeof Lock;
  what: keyof typeof WORDS;
  children?: ComponentChildren;
}

export function Over({ icon, what, children }: OverProps) {
  const [title, text] = WORDS[what];
  return (
    <main class="whole">
      <article class={`card over ${what}`}>
        <span class={`round ${what === "ended" ? "good" : ""}`}>
          <Icon of={icon} size={28} />
        </span>
        <h1>{t(title)}</h1>
        <p class="muted">{t(text)}</p>
        {children}
        <button class={`button ${what === "pin" ? "" : "primary"}`} type="button" onClick={() => show(null)}>
          {t("console.home")}
        </button>
      </article>
    </main>
  );
}
