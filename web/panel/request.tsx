// A question of an agent's: what is asked, by whom, what it means, and yes or no.

import { MessageCircleQuestion } from "lucide";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import type { PanelState } from "./socket";
import { roleOf } from "./words";

/** A press on its way when the question appeared was meant for something else. */
const CALM = 800;

interface RequestProps {
  request: NonNullable<PanelState["request"]>;
  answer(yes: boolean): void;
}

export function Request({ request, answer }: RequestProps) {
  const shown = useRef(Date.now());
  useEffect(() => {
    shown.current = Date.now();
  }, [request.id]);
  const agent = request.by.display;
  const who = request.who?.display ?? "";
  const role = request.who ? roleOf(request.who.role) : "";
  const [question, more, yes] = ((): [string, string, string] => {
    switch (request.what) {
      case "control":
        return [t("panel.ask_control", { agent }), t("panel.ask_control_more"), t("panel.yes")];
      case "open":
        return [t("panel.ask_open", { agent }), t("panel.ask_open_more"), t("panel.yes_open")];
      case "hand_over":
        return [
          t("panel.ask_hand_over", { agent, who }),
          t("panel.ask_hand_over_more", { agent, who, role }),
          t("panel.yes"),
        ];
      case "invite":
        return [
          t("panel.ask_invite", { agent, who }),
          t("panel.ask_invite_more", { who, role }),
          t("panel.yes"),
        ];
    }
  })();
  const calmly = (press: () => void) => () => {
    if (Date.now() - shown.current >= CALM) press();
  };
  return (
    <div class="request" role="alertdialog" aria-labelledby="question" aria-describedby="question-more">
      <h2 id="question">
        <Icon of={MessageCircleQuestion} size={20} />
        {question}
      </h2>
      {request.url && (
        <p class="url" dir="ltr">
          {request.url}
        </p>
      )}
      <p class="hint" id="question-more">
        {more}
      </p>
      {/* No form and no focus moved here: Enter pressed for something else says neither. */}
      <div class="answers">
        <button class="button" type="button" onClick={calmly(() => answer(false))}>
          {t("panel.no")}
        </button>
        <button
          class="button primary"
          type="button"
          onClick={calmly(() => {
            answer(true);
            // The customer's own press leads there; the page around cannot see or fake it.
            if (request.open && window.top) window.top.location.href = request.open;
          })}
        >
          {yes}
        </button>
      </div>
    </div>
  );
}
