// The e-mail that brings a link to the customer, in the customer's language.

import { Mail } from "lucide";
import { useRef, useState } from "preact/hooks";
import { LANGUAGES, type Language, language, t, tIn } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { CopyButton, siteOf } from "./parts";
import { agent } from "./state";

const REMEMBERED = "lado.customers-language";

export function Letter({ link, site, expires }: { link: string; site: string; expires?: string | null }) {
  const [to, setTo] = useState<Language>(remembered);
  const field = useRef<HTMLTextAreaElement>(null);
  const values = {
    link,
    site: siteOf(site),
    agent: agent.value?.display ?? "",
    company: agent.value?.company.name ?? "",
    time: expires
      ? new Intl.DateTimeFormat(to, { dateStyle: "long", timeStyle: "short" }).format(new Date(expires))
      : "",
  };
  const subject = tIn(to, "console.mail_subject", values);
  const text = tIn(to, "console.mail_text", values);
  return (
    <details class="letter">
      <summary>
        <Icon of={Mail} size={18} />
        {t("console.mail")}
      </summary>
      <div class="field">
        <label for="mail-language">{t("console.mail_language")}</label>
        <select
          class="input"
          id="mail-language"
          value={to}
          onChange={(event) => {
            const choice = event.currentTarget.value as Language;
            setTo(choice);
            remember(choice);
          }}
        >
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <option key={code} value={code} lang={code}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <label class="sr" for="mail-text">
        {t("console.mail")}
      </label>
      <textarea class="input" id="mail-text" ref={field} rows={11} readOnly lang={to} value={text} />
      <div class="ways">
        <CopyButton text={text} words="console.mail_copy" refused={() => field.current?.select()} />
        <a
          class="button"
          href={`mailto:?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(text.replace(/\n/g, "\r\n"))}`}
        >
          <Icon of={Mail} size={18} />
          {t("console.mail_open")}
        </a>
      </div>
    </details>
  );
}

function remembered(): Language {
  try {
    const choice = localStorage.getItem(REMEMBERED);
    return choice && choice in LANGUAGES ? (choice as Language) : language();
  } catch {
    return language();
  }
}

function remember(choice: Language): void {
  try {
    localStorage.setItem(REMEMBERED, choice);
  } catch {
    // Without storage it is chosen anew for each letter.
  }
}
