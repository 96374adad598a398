// What rules did in a session, in numbers: the proof that a company can show.

import { ShieldCheck } from "lucide";
import { useEffect, useState } from "preact/hooks";
import { call } from "../shared/api";
import { language, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import "./evidence.css";

interface Evidence {
  rules: { rule: string; masked: number; locked: number; refused: number }[];
  corrections: number;
}

/** Between two questions while the list is open. */
const EVERY = 4000;

export function EvidenceList({ session }: { session: string }) {
  const [evidence, setEvidence] = useState<Evidence>();
  useEffect(() => {
    const ask = () =>
      call<Evidence>("GET", `/api/sessions/${session}/evidence`).then(setEvidence, () => undefined);
    ask();
    const timer = setInterval(ask, EVERY);
    return () => clearInterval(timer);
  }, [session]);
  if (!evidence) return null;
  const number = new Intl.NumberFormat(language());
  const rules = evidence.rules.filter(({ masked, locked, refused }) => masked + locked + refused > 0);
  const cell = (count: number) => <td class={count ? undefined : "none"}>{number.format(count)}</td>;
  return (
    <section class="evidence" aria-labelledby="evidence">
      <h2 id="evidence">
        <Icon of={ShieldCheck} size={16} /> {t("console.evidence")}
      </h2>
      {rules.length === 0 ? (
        <p class="muted">{t("console.evidence_none")}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t("console.evidence_rule")}</th>
              <th scope="col">{t("console.evidence_masked")}</th>
              <th scope="col">{t("console.evidence_locked")}</th>
              <th scope="col">{t("console.evidence_refused")}</th>
            </tr>
          </thead>
          <tbody>
            {rules.map(({ rule, masked, locked, refused }) => (
              <tr key={rule}>
                <th scope="row">{ruleName(rule)}</th>
                {cell(masked)}
                {cell(locked)}
                {cell(refused)}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {evidence.corrections > 0 && (
        <p class="muted">{t("console.evidence_corrections", { count: evidence.corrections })}</p>
      )}
    </section>
  );
}

/** What agents know a rule by: its id, but for what the customer has hidden by hand. */
export function ruleName(rule: string): string {
  return rule === "hidden-by-customer" ? t("console.evidence_by_customer") : rule;
}
