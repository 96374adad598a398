// The tools that an agent points things out with on the customer's page.

import {
  Crosshair,
  Eraser,
  Hand,
  Highlighter,
  MapPin,
  MoveUpRight,
  Pencil,
  Pin,
  PinOff,
  Square,
  Type,
  Undo2,
} from "lucide";
import { PALETTE } from "../../injected/overlay/sketch";
import { type Key, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { TOOLS, type Tool } from "../viewer/tool";

const LOOKS: Record<Tool, { icon: typeof Hand; text: Key }> = {
  hand: { icon: Hand, text: "console.tool_hand" },
  laser: { icon: Crosshair, text: "console.tool_laser" },
  highlight: { icon: Highlighter, text: "console.tool_highlight" },
  look: { icon: MapPin, text: "console.tool_look" },
  pen: { icon: Pencil, text: "console.tool_pen" },
  arrow: { icon: MoveUpRight, text: "console.tool_arrow" },
  rectangle: { icon: Square, text: "console.tool_rectangle" },
  text: { icon: Type, text: "console.tool_text" },
};
const COLOURS: Key[] = [
  "console.colour_red",
  "console.colour_blue",
  "console.colour_green",
  "console.colour_orange",
  "console.colour_violet",
  "console.colour_black",
];

interface ToolsProps {
  tool: Tool;
  colour: number;
  stays: boolean;
  take(tool: Tool): void;
  paint(colour: number): void;
  stay(stays: boolean): void;
  undo(): void;
  clear(): void;
}

export function Tools({ tool, colour, stays, take, paint, stay, undo, clear }: ToolsProps) {
  return (
    <section class="tools" aria-label={t("console.tools")}>
      <div role="toolbar" aria-label={t("console.tools")}>
        {TOOLS.map((name, index) => {
          const { icon, text } = LOOKS[name];
          return (
            <button
              key={name}
              type="button"
              aria-pressed={tool === name}
              aria-label={t(text)}
              title={`${t(text)} (Alt+Shift+${index + 1})`}
              onClick={() => take(name)}
            >
              <Icon of={icon} />
            </button>
          );
        })}
        <span class="rule" />
        <button
          type="button"
          class="swatch"
          title={t("console.colour")}
          aria-label={`${t("console.colour")}: ${t(COLOURS[colour] ?? "console.colour_red")}`}
          onClick={() => paint((colour + 1) % PALETTE.length)}
        >
          <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
            <circle cx="10" cy="10" r="8" fill={PALETTE[colour]} stroke="currentColor" stroke-width="1.5" />
          </svg>
        </button>
        <button
          type="button"
          aria-pressed={stays}
          aria-label={t("console.stays")}
          title={t(stays ? "console.stays_on" : "console.stays_off")}
          onClick={() => stay(!stays)}
        >
          <Icon of={stays ? Pin : PinOff} />
        </button>
        <button
          type="button"
          aria-label={t("console.undo")}
          title={`${t("console.undo")} (Alt+Shift+Z)`}
          onClick={undo}
        >
          <Icon of={Undo2} />
        </button>
        <button
          type="button"
          aria-label={t("console.clear")}
          title={`${t("console.clear")} (Alt+Shift+X)`}
          onClick={clear}
        >
          <Icon of={Eraser} />
        </button>
      </div>
    </section>
  );
}
