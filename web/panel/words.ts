// How the panel calls people.

import { language, t } from "../shared/i18n";
import type { PanelState } from "./socket";

export function agentOf(state: PanelState): string {
  return state.agents[0]?.display ?? state.agent?.display ?? companyOf(state);
}

export function companyOf({ company }: PanelState): string {
  return company.name;
}

export function roleOf(role: string): string {
  return role === "supervisor"
    ? t("panel.role_supervisor")
    : role === "admin"
      ? t("panel.role_admin")
      : t("panel.role_agent");
}

export function initials(name: string): string {
  const parts = name.trim().split(/\s+/);
  return ((parts[0]?.[0] ?? "") + (parts.length > 1 ? (parts.at(-1)?.[0] ?? "") : "")).toLocaleUpperCase(
    language(),
  );
}
