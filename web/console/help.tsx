// The overlay of keyboard shortcuts.

import { X } from "lucide";
import { useEffect, useRef } from "preact/hooks";
import { type Key, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { helping, shown } from "./state";

const HOME: [string[], Key][] = [
  [["N"], "console.keys_new"],
  [["P"], "console.keys_pin"],
  [["?"], "console.keys_help"],
];
const SESSION: [string[], Key][] = [
  [["Alt", "Shift", "F"], "console.keys_fit"],
  [["Alt", "Shift", "R"], "console.keys_reload"],
  [["Alt", "Shift", "←"], "console.keys_back"],
  [["Alt", "Shift", "→"], "console.keys_forward"],
  [["Alt", "Shift", "C"], "console.keys_side"],
  [["Alt", "Shift", "1–8"], "console.keys_tools"],
  [["Alt", "Shift", "Z"], "console.undo"],
  [["Alt", "Shift", "X"], "console.clear"],
  [["Alt", "Shift", "E"], "console.keys_end"],
  [["Alt", "Shift", "H"], "console.keys_help"],
  [["F6"], "console.keys_leave"],
];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => {
    helping.value = false;
  };
  return (
    <dialog class="help card" ref={dialog} onClose={close} aria-labelledby="help">
      <header>
        <h2 id="help">{t("console.keys")}</h2>
        <button class="button quiet square" type="button" onClick={close} aria-label={t("common.close")}>
          <Icon of={X} />
        </button>
      </header>
      <Keys title={t("console.keys_home")} rows={HOME} />
      <Keys title={t("console.keys_session")} rows={SESSION} />
      {shown.value && <p class="muted">{t("console.keys_note")}</p>}
    </dialog>
  );
}

function Keys({ title, rows }: { title: string; rows: [string[], Key][] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {rows.map(([keys, what]) => (
          <div key={what}>
            <dt>{t(what)}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
