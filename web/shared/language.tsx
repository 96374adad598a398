// The language switch.

import { Languages } from "lucide";
import { LANGUAGES, type Language, language, setLanguage, t } from "./i18n";
import { Icon } from "./icon";

export function LanguagePicker() {
  return (
    <label class="language">
      <Icon of={Languages} size={18} />
      <span class="sr">{t("common.language")}</span>
      <select
        class="select"
        value={language()}
        onChange={(event) => setLanguage(event.currentTarget.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
