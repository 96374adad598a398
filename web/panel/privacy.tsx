// What the customer can keep to themselves: everything for a while, a part of the page, and a look at what is hidden.

import { EyeOff, Pause, Play } from "lucide";
import { useState } from "preact/hooks";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { tellPage } from "./frame";

export function Privacy({ paused, pause }: { paused: boolean; pause(paused: boolean): void }) {
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
      <button
        class="button small"
        type="button"
        onClick={() => tellPage({ hide: true })}
        onKeyDown={(event) => {
          if (event.key === "Escape") tellPage({ hide: false });
        }}
      >
        <Icon of={EyeOff} size={18} />
        {t("panel.hide")}
      </button>
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

/** At hand while the customer is busy with the page: a card comes out of a wallet at once, or a child into the room. */
export function PillPause({ paused, pause }: { paused: boolean; pause(paused: boolean): void }) {
  const text = t(paused ? "panel.resume" : "panel.pause");
  return (
    <button class="pause" type="button" aria-label={text} title={text} onClick={() => pause(!paused)}>
      <Icon of={paused ? Play : Pause} size={20} />
    </button>
  );
}
