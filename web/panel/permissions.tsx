// What agents may do: only a click, a tap or the space bar gives them more than before.

import { Eye, MousePointer2, MousePointerClick } from "lucide";
import { useRef, useState } from "preact/hooks";
import type { Permission } from "../shared/api";
import { type Key, t } from "../shared/i18n";
import { Icon } from "../shared/icon";

const LEVELS: { level: Permission; icon: typeof Eye; title: Key; more: Key }[] = [
  { level: "look", icon: Eye, title: "panel.look", more: "panel.look_more" },
  { level: "point", icon: MousePointer2, title: "panel.point", more: "panel.point_more" },
  { level: "control", icon: MousePointerClick, title: "panel.control", more: "panel.control_more" },
];

interface PermissionsProps {
  level: Permission;
  agent: string;
  choose(level: Permission): void;
}

/**
 * Unlike native radio buttons, arrows only move the focus and Enter does nothing: only a click, a tap or the space bar
 * gives an agent more than before.
 */
export function Permissions({ level, agent, choose }: PermissionsProps) {
  const list = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState<number | null>(null);
  const current = LEVELS.findIndex((row) => row.level === level);
  const stop = focused ?? Math.max(current, 0);

  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "Enter") event.preventDefault();
    if (!step) return;
    event.preventDefault();
    const next = (stop + step + LEVELS.length) % LEVELS.length;
    setFocused(next);
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };

  return (
    <div class="permissions">
      <h2 id="permissions">{t("panel.may", { agent })}</h2>
      <div class="levels" role="radiogroup" aria-labelledby="permissions" ref={list} onKeyDown={move}>
        {LEVELS.map((row, index) => (
          // biome-ignore lint/a11y/useSemanticElements: a native radio button changes its value with the arrow keys
          <button
            key={row.level}
            type="button"
            role="radio"
            class="level"
            aria-checked={row.level === level}
            tabIndex={index === stop ? 0 : -1}
            onClick={() => row.level !== level && choose(row.level)}
            onFocus={() => setFocused(index)}
          >
            <Icon of={row.icon} size={20} />
            <span>
              <strong>{t(row.title)}</strong>
              <small>{t(row.more)}</small>
            </span>
            <span class="mark" aria-hidden="true" />
          </button>
        ))}
      </div>
    </div>
  );
}
