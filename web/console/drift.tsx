// Rules that no longer match where they did: agents are told, admins look and say so.

import { ShieldAlert } from "lucide";
import { useState } from "preact/hooks";
import { call } from "../shared/api";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { useLanguage } from "../shared/use-language";
import { agent, explain } from "./state";
import "./evidence.css";

export interface Alarm {
  rule: string;
  host: string;
  /** Told to admins alone. */
  path?: string;
  seen: number;
  private: boolean;
}

export function Drifted({ alarms }: { alarms: readonly Alarm[] }) {
  useLanguage();
  const [problem, setProblem] = useState("");
  if (alarms.length === 0) return null;
  const looked = ({ rule, host, path }: Alarm) =>
    call("POST", "/api/drift/looked", { rule, host, path }).then(
      () => setProblem(""),
      (error) => setProblem(explain(error)),
    );
  return (
    <ul class="drift" aria-label={t("console.drift")}>
      {alarms.map((alarm) => (
        <li class="note warn" key={`${alarm.rule} ${alarm.host}${alarm.path ?? ""} ${alarm.seen}`}>
          <Icon of={ShieldAlert} size={18} />
          <div>
            <strong>{t("console.drift_rule", { rule: alarm.rule })}</strong>
            <p>
              {t(alarm.private ? "console.drift_private" : "console.drift_more", {
                page: alarm.host + (alarm.path ?? ""),
                count: alarm.seen,
              })}
            </p>
            {agent.value?.role === "admin" ? (
              <button class="button small" type="button" onClick={() => looked(alarm)}>
                {t("console.drift_looked")}
              </button>
            ) : (
              <span class="muted">{t("console.drift_admin")}</span>
            )}
          </div>
        </li>
      ))}
      {problem && <li role="alert">{problem}</li>}
    </ul>
  );
}
