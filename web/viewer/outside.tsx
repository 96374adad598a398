// What the customer has in front of them that is no part of the page: a message box, a file chooser, an open list.

import {
  CalendarDays,
  CircleHelp,
  DoorOpen,
  Download,
  FolderOpen,
  KeyRound,
  MessageSquare,
  Palette,
  Printer,
  Share2,
  ShieldQuestion,
  TextCursorInput,
} from "lucide";
import { Native } from "../../injected/protocol/messages";
import { type Key, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { boxOf } from "./input";
import type { Stage } from "./stage";

const WORDS: Record<Native, readonly [icon: typeof Printer, title: Key]> = {
  [Native.Alert]: [MessageSquare, "viewer.outside_alert"],
  [Native.Confirm]: [CircleHelp, "viewer.outside_confirm"],
  [Native.Prompt]: [TextCursorInput, "viewer.outside_prompt"],
  [Native.File]: [FolderOpen, "viewer.outside_file"],
  [Native.Date]: [CalendarDays, "viewer.outside_date"],
  [Native.Color]: [Palette, "viewer.outside_color"],
  [Native.Permission]: [ShieldQuestion, "viewer.outside_permission"],
  [Native.Print]: [Printer, "viewer.outside_print"],
  [Native.Download]: [Download, "viewer.outside_download"],
  [Native.Leave]: [DoorOpen, "viewer.outside_leave"],
  [Native.Share]: [Share2, "viewer.outside_share"],
  [Native.Credential]: [KeyRound, "viewer.outside_credential"],
};

const PERMISSIONS: Record<string, Key> = {
  camera: "viewer.permission_camera",
  microphone: "viewer.permission_microphone",
  geolocation: "viewer.permission_geolocation",
  notifications: "viewer.permission_notifications",
  display: "viewer.permission_display",
};

/** In the customer's browser and nowhere in the page: told, because it cannot be shown. */
export function Outside({ natives }: { natives: ReadonlyMap<Native, string> }) {
  return (
    <div class="outside" role="status">
      {[...natives].map(([native, text]) => {
        const [icon, title] = WORDS[native] ?? WORDS[Native.Alert];
        const permission = native === Native.Permission ? PERMISSIONS[text] : undefined;
        const said = native === Native.Permission ? (permission ? t(permission) : "") : text;
        return (
          <div class="met" key={native}>
            <Icon of={icon} size={22} />
            <div>
              <strong>{t(title)}</strong>
              {said && <p>{permission ? said : `“${said}”`}</p>}
            </div>
          </div>
        );
      })}
    </div>
  );
}

/** The lists that the customer has open: browsers draw them outside the page. */
export function OpenLists({ stage, scale }: { stage: Stage; scale: number }) {
  return (
    <>
      {[...stage.lists].map((id) => {
        const list = stage.node(id) as HTMLSelectElement | undefined;
        if (list?.localName !== "select") return null;
        const { box } = boxOf(list);
        return (
          <ul
            key={id}
            class="open-list"
            aria-hidden="true"
            style={{
              left: `${box.left * scale}px`,
              top: `${(box.top + box.height) * scale}px`,
              minWidth: `${box.width * scale}px`,
              fontSize: `${14 * scale}px`,
            }}
          >
            {[...list.options].slice(0, 30).map((option, index) => (
              <li key={index} class={option.selected ? "on" : ""}>
                {option.label}
              </li>
            ))}
          </ul>
        );
      })}
    </>
  );
}

/** The part of the window that the customer sees after pinching, or above the keyboard on their screen. */
export function Pinched({ stage, scale }: { stage: Stage; scale: number }) {
  const { view, viewport } = stage;
  if (!view || (view.scale <= 1010 && view.height >= viewport.height - 80)) return null;
  return (
    <div
      class="pinched"
      aria-hidden="true"
      style={{
        left: `${view.x * scale}px`,
        top: `${view.y * scale}px`,
        width: `${view.width * scale}px`,
        height: `${view.height * scale}px`,
      }}
    />
  );
}
