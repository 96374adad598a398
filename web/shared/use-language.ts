// Draws a component again when the language changes. Apart from i18n.ts because the join page does without hooks.

import { useEffect, useState } from "preact/hooks";
import { type Language, language, onLanguage } from "./i18n";

export function useLanguage(): Language {
  const [, draw] = useState(0);
  useEffect(() => onLanguage(() => draw((n) => n + 1)), []);
  return language();
}
