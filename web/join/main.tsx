// The join page: who invites, what they will see, and a plain yes or no.

import { render } from "preact";
import * as de from "../locales/de.json";
import * as en from "../locales/en.json";
import * as es from "../locales/es.json";
import * as fr from "../locales/fr.json";
import * as ptBR from "../locales/pt-BR.json";
import { startLanguage } from "../shared/i18n";
import { Join } from "./join";
import "./join.css";

// Named one by one, the other sections stay out of the bundle.
startLanguage({
  en: { common: en.common, join: en.join },
  "pt-BR": { common: ptBR.common, join: ptBR.join },
  es: { common: es.common, join: es.join },
  fr: { common: fr.common, join: fr.join },
  de: { common: de.common, join: de.join },
});

const root = document.getElementById("app");
const token = location.pathname.split("/")[2] ?? "";
if (root) render(<Join token={token} />, root);
