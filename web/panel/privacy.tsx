// What the customer can keep to themselves: everything for a while, a part of the page, and a look at what is hidden.

import { EyeOff, MapPin, Pause, Play, Undo2 } from "lucide";
import { useState } from "preact/hooks";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { tellPage } from "./frame";

interface PrivacyProps {
  /** The agent whom things are pointed out to. */
  agent: string;
  paused: boolean;
  /** How many elements are hidden by hand. */
  hidden: number;
  /** Nobody is there to look. */
  alone: boolean;
  pause(paused: boolean): void;
  show(): void;
}

export function Privacy({ agent, paused, hidden, alone, pause, show }: PrivacyProps) {
  const [marks, setMarks] = useState(true);
  return (
    <div class="privacy">
      {paused ? (
        <button class="button primary small" type="button" onClick={() => pause(false)}>
          <Icon of={Play} size={18} />
          {t("panel.resume")}
        </button>
      ) : (
        <button class="button small" type="button" onClick={() => pause(true)}>
          <Icon of={Pause} size={18} />
          {t("panel.pause")}
        </button>
      )}
      <Choose what="hide" icon={EyeOff} text={t("panel.hide")} />
      <Choose what="look" icon={MapPin} text={t("panel.point_out", { agent })} disabled={alone} />
      {hidden > 0 && (
        <p class="by-hand">
          <span>{t("panel.hidden", { count: hidden })}</span>
          <button class="button small" type="button" onClick={show}>
            <Icon of={Undo2} size={18} />
            {t("panel.show_again")}
          </button>
        </p>
      )}
      <label>
        <input
          type="checkbox"
          checked={marks}
          onChange={({ currentTarget: { checked } }) => {
            setMarks(checked);
            tellPage({ marks: checked });
          }}
        />
        {t("panel.marks")}
      </label>
    </div>
  );
}

interface ChooseProps {
  what: "hide" | "look";
  icon: typeof EyeOff;
  text: string;
  disabled?: boolean;
}

/** Lets the customer choose an element of the page around. */
function Choose({ what, icon, text, disabled = false }: ChooseProps) {
  return (
    <button
      class="button small"
      type="button"
      disabled={disabled}
      onClick={() => tellPage({ choose: what })}
      onKeyDown={(event) => {
        if (event.key === "Escape") tellPage({ choose: "" });
      }}
    >
      <Icon of={icon} size={18} />
      {text}
    </button>
  );
}

/** At hand while the customer is busy with the page: a card comes out of a wallet at once, or a child into the room. */
export function PillPause({ paused, pause }: { paused: boolean; pause(paused: boolean): void }) {
  const text = t(paused ? "panel.resume" : "panel.pause");
  return (
    <button class="pause" type="button" aria-label={text} title={text} onClick={() => pause(!paused)}>
      <Icon of={paused ? Play : Pause} size={20} />
    </button>
  );
}
