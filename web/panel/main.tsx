// The customer's trusted panel, in a frame from the console's host: page scripts can neither read nor press it.

import { render } from "preact";
import * as de from "../locales/de.json";
import * as en from "../locales/en.json";
import * as es from "../locales/es.json";
import * as fr from "../locales/fr.json";
import * as ptBR from "../locales/pt-BR.json";
import { startLanguage } from "../shared/i18n";
import { Panel } from "./panel";
import { PanelSocket } from "./socket";
import "./panel.css";

// Named one by one, the other sections stay out of the bundle.
startLanguage({
  en: { chat: en.chat, common: en.common, panel: en.panel },
  "pt-BR": { chat: ptBR.chat, common: ptBR.common, panel: ptBR.panel },
  es: { chat: es.chat, common: es.common, panel: es.panel },
  fr: { chat: fr.chat, common: fr.common, panel: fr.panel },
  de: { chat: de.chat, common: de.common, panel: de.panel },
});

const ticket = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const root = document.getElementById("app");
if (root) render(<Panel socket={new PanelSocket(ticket)} />, root);
