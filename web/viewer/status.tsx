// What there is to say about the page, in words.

import { type EyeOff, Gauge, MonitorOff, Pause, PlugZap, WifiOff } from "lucide";
import { Cap } from "../../injected/protocol/messages";
import { type Key, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import type { State } from "./viewer";

export function Status({ phase, connection, online, paused, cap }: State) {
  const [icon, title, text] = ((): [typeof EyeOff | null, Key, Key] | [] => {
    if (phase === "ended") return [PlugZap, "viewer.ended", "viewer.ended_more"];
    if (phase === "nopage" && cap !== null) return [MonitorOff, "viewer.limited", "viewer.limited_more"];
    if (phase === "nopage") return [MonitorOff, "viewer.nopage", "viewer.nopage_more"];
    if (connection === "lost") return [WifiOff, "viewer.lost", "viewer.lost_more"];
    if (paused) return [Pause, "viewer.paused", "viewer.paused_more"];
    if (!online && phase !== "waiting") return [WifiOff, "viewer.offline", "viewer.offline_more"];
    if (phase === "waiting") return [null, "viewer.waiting", "viewer.waiting_more"];
    if (cap === Cap.Changes) return [Gauge, "viewer.fast", "viewer.fast_more"];
    return [];
  })();
  if (!title || !text) return <div class="status" role="status" />;
  const over = phase === "page" || phase === "gap";
  return (
    <div class="status" role="status">
      <div class={over ? "banner" : "blank"}>
        {icon ? <Icon of={icon} size={over ? 20 : 32} /> : <span class="spinner" />}
        <div>
          <strong>{t(title)}</strong>
          <p>{t(text)}</p>
        </div>
      </div>
    </div>
  );
}
