// Lists, dates and colours to choose from: browsers open their own only for the person at the page.

import { useLayoutEffect, useRef } from "preact/hooks";
import { type Action, ActionTag } from "../../injected/protocol/messages";
import { t } from "../shared/i18n";
import type { Target } from "./input";

interface Props {
  target: Target;
  scale: number;
  /** Of the page's window, in CSS pixels. */
  height: number;
  label: string;
  id(option: Element): number | undefined;
  /** With nothing when the agent chose nothing. */
  done(action: Action | null): void;
}

export function Chooser({ target, scale, height, label, id, done }: Props) {
  const field = useRef<HTMLSelectElement & HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  const { element, node, box } = target;
  // Below the field, or above it in the lower half of the window.
  const place = {
    left: `${Math.max(box.left * scale, 0)}px`,
    ...(box.top + box.height / 2 < height / 2
      ? { top: `${(box.top + box.height) * scale + 4}px` }
      : { bottom: `${(height - box.top) * scale + 4}px` }),
  };
  const onEscape = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.key === "Escape") done(null);
  };
  const name = label || t("viewer.choose");

  if (element.localName === "select") {
    const select = element as HTMLSelectElement;
    const options = [...select.options];
    return (
      <div class="chooser" style={place}>
        <select
          ref={field}
          aria-label={name}
          size={Math.min(Math.max(options.length, 2), 8)}
          onKeyDown={(event) => {
            onEscape(event);
            if (event.key !== "Enter") return;
            // The keyboard goes back to the page at once: this key press must not follow it.
            event.preventDefault();
            pick(event.currentTarget.selectedIndex);
          }}
          onClick={(event) => pick(event.currentTarget.selectedIndex)}
          onBlur={() => done(null)}
        >
          {options.map((option, index) => (
            <option key={index} selected={option.selected} disabled={option.disabled}>
              {option.label}
            </option>
          ))}
        </select>
      </div>
    );
  }

  function pick(index: number): void {
    const option = (element as HTMLSelectElement).options[index];
    const chosen = option && id(option);
    done(chosen === undefined ? null : { tag: ActionTag.Select, node, options: [chosen] });
  }

  const input = element as HTMLInputElement;
  const give = () => done({ tag: ActionTag.SetValue, node, value: field.current?.value ?? "" });
  return (
    <form
      class="chooser"
      style={place}
      onSubmit={(event) => {
        event.preventDefault();
        give();
      }}
      onKeyDown={onEscape}
    >
      <input
        ref={field}
        type={input.type as "date"}
        min={input.min}
        max={input.max}
        step={input.step}
        defaultValue={input.value}
        aria-label={name}
      />
      <button class="button small primary" type="submit">
        {t("viewer.set")}
      </button>
      <button class="button small quiet" type="button" onClick={() => done(null)}>
        {t("common.cancel")}
      </button>
    </form>
  );
}
