// Requests of the customer's pages that went past Lado: what rewriting missed is counted, not guessed.

import { Unplug } from "lucide";
import type { Escaped } from "../shared/api";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";

export function EscapedLine({ escaped }: { escaped: readonly Escaped[] }) {
  if (!escaped.length) return null;
  const count = escaped.reduce((sum, one) => sum + one.count, 0);
  return (
    <details class="escaped">
      <summary>
        <Icon of={Unplug} size={16} />
        {t("console.escaped", { count })}
      </summary>
      <p class="muted">{t("console.escaped_more")}</p>
      <ul>
        {escaped.map(({ site, kind, target, count }) => (
          <li key={`${site} ${kind} ${target}`}>
            <b>{count}</b> × <code>{kind}</code> {target} <span class="muted">({site})</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
