// A session before it starts: the link to send, and then the PIN that the customer reads out.

import { ArrowLeft, CircleCheck, Ear } from "lucide";
import { useMemo, useRef } from "preact/hooks";
import { encode } from "uqr";
import type { Session } from "../shared/api";
import { language, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { Letter } from "./letter";
import { CopyButton, PinForm, siteOf } from "./parts";
import { show } from "./state";

export function Invitation({ session, end }: { session: Session; end(): void }) {
  const waiting = session.state === "waiting";
  return (
    <main class="invitation">
      <button class="button quiet small back" type="button" onClick={() => show(null)}>
        <Icon of={ArrowLeft} size={18} />
        {t("console.home")}
      </button>
      <article class="card">
        <h1>{waiting ? t("console.ask_pin") : t("console.send_link")}</h1>
        <p class="muted">
          {waiting ? t("console.ask_pin_more") : t("console.send_link_more", { site: siteOf(session.site) })}
        </p>
        {!waiting && session.link && (
          <>
            <Link link={session.link} expires={session.expires} />
            <Letter link={session.link} site={session.site} expires={session.expires ?? null} />
          </>
        )}
        {!waiting && !session.link && <p class="note">{t("console.link_elsewhere")}</p>}
        <ol class="steps">
          <li class="done">
            <Icon of={CircleCheck} />
            {t("console.step_made")}
          </li>
          <li class={waiting ? "done" : "now"} aria-current={waiting ? undefined : "step"}>
            {waiting ? <Icon of={CircleCheck} /> : <span class="spinner" />}
            <span role="status">{waiting ? t("console.step_came") : t("console.step_coming")}</span>
          </li>
          <li class={waiting ? "now" : ""} aria-current={waiting ? "step" : undefined}>
            <Icon of={Ear} />
            {t("console.step_pin")}
          </li>
        </ol>
        {waiting && <PinForm done={(other) => other.id !== session.id && show(other.id)} />}
        <button class="button quiet danger small cancel" type="button" onClick={end}>
          {t("console.cancel_session")}
        </button>
      </article>
    </main>
  );
}

function Link({ link, expires }: { link: string; expires?: string | null | undefined }) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <div class="link">
      <div class="text">
        <label for="link">{t("console.link")}</label>
        <input
          class="input"
          id="link"
          ref={field}
          readOnly
          value={link}
          onFocus={(event) => event.currentTarget.select()}
          spellcheck={false}
        />
        <CopyButton text={link} refused={() => field.current?.select()} />
        {expires && (
          <p class="muted">
            {t("console.link_expires", {
              time: new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(
                new Date(expires),
              ),
            })}
          </p>
        )}
      </div>
      <figure>
        <Qr text={link} />
        <figcaption class="muted">{t("console.qr")}</figcaption>
      </figure>
    </div>
  );
}

/** Always dark on light: phones read it best. */
function Qr({ text }: { text: string }) {
  const { size, path } = useMemo(() => {
    const { data, size } = encode(text, { border: 2 });
    const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
    return { size, path };
  }, [text]);
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={t("console.qr")}
      shape-rendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#10201e" />
    </svg>
  );
}
