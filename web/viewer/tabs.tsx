// The customer's tabs above the stage: choose one to stay on it, or go where the customer goes.

import { Eye, Navigation } from "lucide";
import { useState } from "preact/hooks";
import { language, t } from "../shared/i18n";
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
            <Favicon icon={tab.icon} name={nameOf(tab.url)} />
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

/** The site's icon through Lado, never from the site itself; its first letter where there is none. */
function Favicon({ icon, name }: { icon: string; name: string }) {
  const [loaded, setLoaded] = useState("");
  const own = icon.startsWith("/__lado/a/") || icon.startsWith("data:image/");
  const [first = ""] = name.replace(/^www\./, "");
  const shows = own && loaded === icon;
  return (
    <>
      {!shows && <span class="favicon" data-initial={first.toLocaleUpperCase(language())} />}
      {own && (
        <img
          key={icon}
          class={`favicon ${shows ? "" : "unseen"}`}
          src={icon}
          alt=""
          width={16}
          height={16}
          onLoad={() => setLoaded(icon)}
        />
      )}
    </>
  );
}

function nameOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return t("viewer.untitled");
  }
}
