// Sites to start at with one press: favourites, and those used last.

import { Globe, Star } from "lucide";
import { useEffect, useState } from "preact/hooks";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { useLanguage } from "../shared/use-language";
import { favourites, isFavourite, loadFavourites, toggleFavourite } from "./favourites";
import { siteOf } from "./parts";
import { recentSites } from "./recent";
import { explain } from "./state";

interface PickerProps {
  busy: boolean;
  begin(site: string): void;
}

export function Picker({ busy, begin }: PickerProps) {
  useLanguage();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    loadFavourites().catch(() => undefined);
  }, []);
  const recent = recentSites().filter((site) => !isFavourite(site));
  const toggle = (site: string) => {
    setProblem("");
    toggleFavourite(site).catch((error) => setProblem(explain(error)));
  };
  const pick = (site: string, name: string, favourite: boolean) => (
    <li class="pick" key={site}>
      <button class="button small" type="button" disabled={busy} title={site} onClick={() => begin(site)}>
        <Icon of={Globe} size={16} />
        <span>{name}</span>
      </button>
      <button
        class="button small square star"
        type="button"
        aria-pressed={favourite}
        aria-label={t("console.favourite", { name })}
        title={t(favourite ? "console.favourite_remove" : "console.favourite_add")}
        onClick={() => toggle(site)}
      >
        <Icon of={Star} size={16} />
      </button>
    </li>
  );
  return (
    <>
      {favourites.value.length > 0 && (
        <div class="picks">
          <h3 id="favourites">{t("console.favourites")}</h3>
          <ul aria-labelledby="favourites">
            {favourites.value.map(({ site, name }) => pick(site, name, true))}
          </ul>
        </div>
      )}
      {recent.length > 0 && (
        <div class="picks">
          <h3 id="recent">{t("console.recent")}</h3>
          <ul aria-labelledby="recent">{recent.map((site) => pick(site, siteOf(site), false))}</ul>
        </div>
      )}
      {problem && (
        <p class="note bad" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}
