// Every word is there in every language, and every one of them is used.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@playwright/test";

const web = fileURLToPath(new URL("../../web", import.meta.url));
const read = (language: string): Map<string, string> => {
  const sections = JSON.parse(readFileSync(path.join(web, "locales", `${language}.json`), "utf8"));
  return new Map(
    Object.entries<Record<string, string>>(sections).flatMap(([section, words]) =>
      Object.entries(words).map(([key, text]): [string, string] => [`${section}.${key}`, text]),
    ),
  );
};
const languages = readdirSync(path.join(web, "locales")).map((name) => path.parse(name).name);
const english = read("en");
const stem = (key: string) => key.replace(/_(zero|one|two|few|many|other)$/, "");
const values = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

const sources = readdirSync(web, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => readFileSync(path.join(web, name), "utf8"))
  .join("\n");

test("there are five languages", () => {
  expect(languages.sort()).toEqual(["de", "en", "es", "fr", "pt-BR"]);
});

for (const language of languages) {
  test(`${language} has every key, with the same values in it, and no other`, () => {
    const words = read(language);
    // Some languages have more plural forms than English: French, Spanish and Portuguese have "many".
    expect([...new Set([...words.keys()].map(stem))].sort()).toEqual(
      [...new Set([...english.keys()].map(stem))].sort(),
    );
    for (const [key, text] of words) {
      const model = english.get(key) ?? english.get(`${stem(key)}_other`) ?? "";
      expect(values(text), key).toEqual(values(model));
      expect(text.trim(), key).toBe(text);
      expect(text, key).not.toBe("");
    }
  });

  test(`${language} has the plural forms that its numbers need`, () => {
    const words = read(language);
    const plural = new Set([...english.keys()].filter((key) => /_(one|other)$/.test(key)).map(stem));
    // Forms that only millions need may be left to "other".
    const needed = new Set([0, 1, 2, 5, 10, 21].map((n) => new Intl.PluralRules(language).select(n)));
    for (const key of plural)
      for (const form of needed) expect(words.has(`${key}_${form}`), `${key}_${form}`).toBe(true);
  });
}

test("no language but English is English", () => {
  for (const language of languages.filter((name) => name !== "en")) {
    const words = read(language);
    const long = [...english].filter(([, text]) => text.split(" ").length > 3);
    const same = long.filter(([key, text]) => words.get(key) === text).map(([key]) => key);
    expect(same, language).toEqual([]);
  }
});

test("every key is used", () => {
  const unused = [...new Set([...english.keys()].map(stem))].filter((key) => {
    const [section, name = ""] = key.split(".");
    if (sources.includes(`"${key}"`)) return false;
    // A key made from a phase, as in t(`join.${phase}`): the phase is named in the type.
    return !(sources.includes(`\`${section}.$\{`) && sources.includes(`"${name}"`));
  });
  expect(unused).toEqual([]);
});

test("every key that is asked for exists", () => {
  const asked = [...sources.matchAll(/\bt\(\s*"([a-z_.]+)"/g)].map((match) => match[1] ?? "");
  const known = new Set([...english.keys()].map(stem));
  expect(asked.length).toBeGreaterThan(50);
  expect(asked.filter((key) => !known.has(key))).toEqual([]);
});
