// The agents' console.

import { render } from "preact";
import * as de from "../locales/de.json";
import * as en from "../locales/en.json";
import * as es from "../locales/es.json";
import * as fr from "../locales/fr.json";
import * as ptBR from "../locales/pt-BR.json";
import { startLanguage } from "../shared/i18n";
import { App } from "./app";
import { start } from "./state";
import "./console.css";

// Named one by one, the other sections stay out of the bundle.
startLanguage({
  en: { chat: en.chat, common: en.common, console: en.console },
  "pt-BR": { chat: ptBR.chat, common: ptBR.common, console: ptBR.console },
  es: { chat: es.chat, common: es.common, console: es.console },
  fr: { chat: fr.chat, common: fr.common, console: fr.console },
  de: { chat: de.chat, common: de.common, console: de.console },
});

const root = document.getElementById("app");
if (root) render(<App />, root);
start();
