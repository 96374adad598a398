// The customer's tabs above the stage: choose one to stay on it, or go where the customer goes.

import { Eye, Navigation } from "lucide";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import type { TabsNotice } from "./viewer";

/** Nothing to choose from, nothing to show. */
const FEW = 1;

export function TabStrip({ notice, watch }: { notice: TabsNotice; watch(tab: number | null): void }) {
  const { tabs, shown, follows } = notice;
  if (tabs.length <= FEW && follows) return null;
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = tabs.findIndex((tab) => tab.id === shown);
    const next = by && tabs[(at + by + tabs.length) % tabs.length];
    if (!next) return;
    event.preventDefault();
    watch(next.id);
    const list = event.currentTarget as HTMLElement;
    list.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  return (
    <div class="tabs">
      <div role="tablist" aria-label={t("viewer.tabs")} onKeyDown={step}>
        {tabs.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            data-tab={tab.id}
            aria-selected={tab.id === shown}
            tabIndex={tab.id === shown ? 0 : -1}
            title={`${tab.title}\n${tab.url}`.trim()}
            onClick={() => watch(tab.id)}
          >
            <span>{tab.title || nameOf(tab.url)}</span>
            {tab.visible && <Icon of={Eye} size={16} label={t("viewer.tab_here")} />}
          </button>
        ))}
      </div>
      <button
        type="button"
        class={`button quiet small ${follows ? "on" : ""}`}
        aria-label={t("viewer.follow")}
        aria-pressed={follows}
        title={t(follows ? "viewer.stay" : "viewer.follow")}
        onClick={() => watch(follows ? shown || null : null)}
      >
        <Icon of={Navigation} size={16} />
        <span>{t("viewer.follow")}</span>
      </button>
    </div>
  );
}

function nameOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return t("viewer.untitled");
  }
}
