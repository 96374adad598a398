// Words by language: i18next with the sections of web/locales that an app needs.

import i18next from "i18next";
import type en from "../locales/en.json";

export type Words = typeof en;
export type Section = keyof Words;
/** Every key there is, such as "common.cancel"; plural forms go by their stem. */
export type Key = { [S in Section]: `${S}.${Stem<keyof Words[S] & string>}` }[Section];
type Stem<K extends string> = K extends `${infer S}_one` | `${infer S}_other` ? S : K;

export const LANGUAGES = {
  en: "English",
  "pt-BR": "Português (Brasil)",
  es: "Español",
  fr: "Français",
  de: "Deutsch",
} as const;
export type Language = keyof typeof LANGUAGES;

const REMEMBERED = "lado.language";
const listeners = new Set<() => void>();

/** Starts with the language chosen before, else the browser's, else English. */
export function startLanguage(words: Record<Language, Partial<Words>>): void {
  const resources: Record<string, { translation: Partial<Words> }> = {};
  for (const [language, translation] of Object.entries(words)) resources[language] = { translation };
  void i18next.init({
    resources,
    lng: remembered() ?? match(navigator.languages),
    fallbackLng: "en",
    load: "currentOnly",
    initAsync: false,
    // Preact writes text nodes, so nothing is to be escaped twice.
    interpolation: { escapeValue: false },
  });
  mark();
}

export function t(key: Key, values?: Record<string, string | number>): string {
  return i18next.t(key, values ?? {});
}

/** The same in another language than the reader's: for what is written to somebody else. */
export function tIn(other: Language, key: Key, values?: Record<string, string | number>): string {
  return i18next.t(key, { ...values, lng: other });
}

export function language(): Language {
  return i18next.language as Language;
}

export function setLanguage(choice: Language): void {
  void i18next.changeLanguage(choice);
  try {
    localStorage.setItem(REMEMBERED, choice);
  } catch {
    // Storage is refused to some frames: the choice then lasts as long as the page.
  }
  mark();
  for (const listener of listeners) listener();
}

/** Calls `listener` after each change of language, until the function that it returns is called. */
export function onLanguage(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** The best of our languages for what a browser asks for, by tag and then by its first part. */
export function match(wanted: readonly string[]): Language {
  const ours = Object.keys(LANGUAGES) as Language[];
  for (const tag of wanted) {
    const exact = ours.find((known) => known.toLowerCase() === tag.toLowerCase());
    if (exact) return exact;
    const primary = tag.split("-")[0]?.toLowerCase();
    const near = ours.find((known) => known.split("-")[0] === primary);
    if (near) return near;
  }
  return "en";
}

function remembered(): Language | undefined {
  try {
    const choice = localStorage.getItem(REMEMBERED);
    return choice && choice in LANGUAGES ? (choice as Language) : undefined;
  } catch {
    return undefined;
  }
}

function mark(): void {
  document.documentElement.lang = language();
  document.documentElement.dir = i18next.dir();
}
