// Lado's mark: two pages, side by side. And companies' own.

import type { Company } from "./api";
import { language } from "./i18n";

export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect x="2" y="5" width="17" height="22" rx="5" fill="#0f7d78" />
      <rect x="13" y="5" width="17" height="22" rx="5" fill="#f0a04b" fill-opacity="0.88" />
    </svg>
  );
}

export function Brand() {
  return (
    <span class="brand">
      <Mark />
      Lado
    </span>
  );
}

/** Nothing where a company has none. */
export function Logo({ company }: { company: Company }) {
  return company.logo ? <img class="logo" src={company.logo} alt={company.name} /> : null;
}

/** A company's own sentence, in the reader's language or else in English. */
export function sentence(company: Company, place: "join" | "panel"): string | undefined {
  return company.texts?.[language()]?.[place] ?? company.texts?.en?.[place];
}
