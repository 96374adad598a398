// Which screen shows: sign-in, home, or one session.

import { WifiOff } from "lucide";
import { useEffect } from "preact/hooks";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { useLanguage } from "../shared/use-language";
import { Help } from "./help";
import { Home } from "./home";
import { SessionScreen } from "./session";
import { SignIn } from "./signin";
import { agent, helping, live, shown } from "./state";

export function App() {
  useLanguage();
  useShortcuts();
  const who = agent.value;
  const id = shown.value;
  return (
    <>
      {who && !live.value && (
        <p class="offline note warn" role="alert">
          <Icon of={WifiOff} size={18} />
          <span>{t("console.offline")}</span>
        </p>
      )}
      {who === undefined ? (
        <div class="whole" role="status">
          <span class="spinner" />
          <span class="sr">{t("console.loading")}</span>
        </div>
      ) : who === null ? (
        <SignIn />
      ) : id ? (
        <SessionScreen key={id} id={id} />
      ) : (
        <Home />
      )}
      {helping.value && <Help />}
    </>
  );
}

/** Keys that work everywhere; screens add their own. */
function useShortcuts(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "?" && agent.value) {
        event.preventDefault();
        helping.value = !helping.value;
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  const field = "input:not([type=radio],[type=checkbox]),textarea,select";
  return target !== null && (target.isContentEditable || target.matches(field));
}
