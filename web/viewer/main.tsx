// The viewer: shows a mirrored page in its stage and sends what the agent does there.

import { render } from "preact";
import * as de from "../locales/de.json";
import * as en from "../locales/en.json";
import * as es from "../locales/es.json";
import * as fr from "../locales/fr.json";
import * as ptBR from "../locales/pt-BR.json";
import { LANGUAGES, type Language, setLanguage, startLanguage } from "../shared/i18n";
import { Viewer } from "./viewer";
import "./viewer.css";

// Named one by one, the other sections stay out of the bundle.
startLanguage({
  en: { common: en.common, viewer: en.viewer },
  "pt-BR": { common: ptBR.common, viewer: ptBR.viewer },
  es: { common: es.common, viewer: es.viewer },
  fr: { common: fr.common, viewer: fr.viewer },
  de: { common: de.common, viewer: de.viewer },
});

const ticket = location.hash.slice(1);
// A ticket is good once: it does not belong into the history or a copied address.
history.replaceState(null, "", location.pathname);

const root = document.getElementById("app");
if (root) {
  render(
    <Viewer
      ticket={ticket}
      language={(locale) => {
        if (locale in LANGUAGES) setLanguage(locale as Language);
      }}
    />,
    root,
  );
}
