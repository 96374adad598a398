// How agent and customer are connected, in one badge.

import { Wifi, WifiOff } from "lucide";
import { language, t } from "../shared/i18n";
import { Icon } from "../shared/icon";

export interface Line {
  connection: "connecting" | "open" | "lost";
  /** Round trips in milliseconds, as far as they are known. */
  latency: { agent: number | null; customer: number | null };
}

interface ConnectedProps extends Line {
  online: boolean;
}

export function Connected({ connection, online, latency }: ConnectedProps) {
  if (connection === "lost") {
    return (
      <span class="badge bad" role="status">
        <Icon of={WifiOff} size={14} />
        {t("console.connection_lost")}
      </span>
    );
  }
  if (connection === "connecting") return <span class="badge">{t("console.connecting")}</span>;
  const { agent, customer } = latency;
  return online ? (
    <span
      class="badge good"
      title={
        agent === null || customer === null
          ? undefined
          : t("console.latency", { agent: millis(agent), customer: millis(customer) })
      }
    >
      <Icon of={Wifi} size={14} />
      <span role="status">{t("console.connected")}</span>
      {/* Not announced: it changes every second. */}
      {agent !== null && customer !== null && <span class="latency">{millis(agent + customer)}</span>}
    </span>
  ) : (
    <span class="badge warn" role="status">
      <Icon of={WifiOff} size={14} />
      {t("console.customer_away")}
    </span>
  );
}

function millis(count: number): string {
  const unit = { style: "unit", unit: "millisecond", unitDisplay: "short" } as const;
  return new Intl.NumberFormat(language(), unit).format(count);
}
