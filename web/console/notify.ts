// Tells an agent who looks elsewhere that the customer has written: in the tab's title, and by the system where allowed.

import { t } from "../shared/i18n";

let missed = 0;
let plain = "";

export function notify(title: string, text: string): void {
  if (document.visibilityState === "visible") return;
  if (missed++ === 0) plain = document.title;
  document.title = `(${missed}) ${t("chat.new", { count: missed })}`;
  if ("Notification" in window && Notification.permission === "granted") {
    // One for each session and no more: the newest message is what matters.
    const note = new Notification(title, { body: text.slice(0, 140), tag: location.hash });
    note.onclick = () => {
      window.focus();
      note.close();
    };
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible" || missed === 0) return;
  missed = 0;
  document.title = plain;
});
