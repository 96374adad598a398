// The chat: messages with their marks, who is writing, and the field to write in.

import { Check, CheckCheck, Clock3, Copy, EyeOff, Languages, SendHorizontal, TriangleAlert } from "lucide";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { type Conversation, type Entry, MAX_TEXT } from "./conversation";
import { language, t } from "./i18n";
import { Icon } from "./icon";

interface ChatProps {
  conversation: Conversation;
  side: "customer" | "agent";
  /** Who reads what is written here. */
  other: string;
  /** Whether a text holds something private: then it is asked about before it goes out. */
  isPrivate?(text: string): boolean;
}

export function Chat({ conversation, side, other, isPrivate }: ChatProps) {
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const [asking, setAsking] = useState(false);
  const list = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  /** Whoever has scrolled back is not torn away. */
  const atEnd = useRef(true);

  useEffect(() => conversation.onchange(() => draw(undefined)), [conversation]);
  useEffect(() => {
    const look = () => {
      if (document.visibilityState === "visible") conversation.look();
    };
    look();
    const stop = conversation.onchange(look);
    document.addEventListener("visibilitychange", look);
    return () => {
      stop();
      document.removeEventListener("visibilitychange", look);
    };
  }, [conversation]);
  useLayoutEffect(() => {
    if (atEnd.current && list.current) list.current.scrollTop = list.current.scrollHeight;
    if (field.current) {
      field.current.style.height = "auto";
      field.current.style.height = `${Math.min(field.current.scrollHeight + 2, 120)}px`;
    }
  });

  const messages = conversation.entries.filter((entry) => entry.by);
  const send = (sure: boolean) => {
    const text = conversation.draft.trim();
    if (!text) return;
    if (!sure && isPrivate?.(text)) {
      setAsking(true);
      return;
    }
    setAsking(false);
    atEnd.current = true;
    conversation.say(text);
    field.current?.focus();
  };
  const { typing } = conversation;
  const lastOwn = messages.findLast((entry) => entry.key !== undefined)?.id;

  return (
    <section class="chat" aria-label={t("chat.title")}>
      <div
        class="messages"
        ref={list}
        role="log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        tabIndex={0}
        aria-label={t("chat.title")}
        onScroll={({ currentTarget: it }) => {
          atEnd.current = it.scrollHeight - it.scrollTop - it.clientHeight < 24;
        }}
      >
        {messages.length === 0 && conversation.outbox.length === 0 && (
          <p class="empty">{t(side === "customer" ? "chat.none_customer" : "chat.none", { agent: other })}</p>
        )}
        {messages.map((entry) => (
          <Message
            key={entry.id}
            entry={entry}
            side={side}
            other={other}
            mark={entry.id === lastOwn ? markOf(entry.id, conversation.marks) : null}
          />
        ))}
        {conversation.outbox.map(({ key, text, refused }) => (
          <div class="message own" key={key}>
            <p class="bubble" dir="auto">
              {text}
            </p>
            <small class={refused ? "bad" : ""}>
              <Icon of={refused ? TriangleAlert : Clock3} size={13} />
              {t(refused ? "chat.refused" : "chat.sending")}
            </small>
          </div>
        ))}
      </div>
      <p class="typing" role="status">
        {typing &&
          (typing.person ? t("chat.typing", { name: typing.person.display }) : t("chat.typing_customer"))}
      </p>
      {asking && (
        <div class="note warn private" role="alert">
          <Icon of={TriangleAlert} size={18} />
          <div>
            <p>{t("chat.private", { agent: other })}</p>
            <div class="answers">
              <button
                class="button small"
                type="button"
                onClick={() => {
                  setAsking(false);
                  field.current?.focus();
                }}
              >
                {t("chat.private_edit")}
              </button>
              <button class="button small quiet" type="button" onClick={() => send(true)}>
                {t("chat.private_send")}
              </button>
            </div>
          </div>
        </div>
      )}
      <form
        class="composer"
        onSubmit={(event) => {
          event.preventDefault();
          send(false);
        }}
      >
        <textarea
          class="input"
          ref={field}
          rows={1}
          maxLength={MAX_TEXT}
          aria-label={t("chat.write")}
          placeholder={t("chat.write")}
          value={conversation.draft}
          dir="auto"
          onInput={(event) => {
            conversation.write(event.currentTarget.value);
            if (asking) setAsking(false);
            draw(undefined);
          }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send(false);
          }}
        />
        <button
          class="button primary square"
          type="submit"
          aria-label={t("chat.send")}
          title={t("chat.send")}
          disabled={!conversation.draft.trim()}
        >
          <Icon of={SendHorizontal} />
        </button>
      </form>
    </section>
  );
}

interface MessageProps {
  entry: Entry;
  side: "customer" | "agent";
  other: string;
  mark: "sent" | "delivered" | "read" | null;
}

function Message({ entry, side, other, mark }: MessageProps) {
  const own = entry.key !== undefined;
  const name = own ? t("chat.you") : entry.person ? entry.person.display : t("chat.customer");
  // One that was made for another language has had its time.
  const translation = entry.translation?.to === language() ? entry.translation : undefined;
  const [original, setOriginal] = useState(false);
  const translated = original ? undefined : translation?.text;
  const time = new Intl.DateTimeFormat(language(), { timeStyle: "short" }).format(new Date(entry.at));
  return (
    <div class={`message ${own ? "own" : ""}`}>
      {/* With one on each side, names are for those who do not see the sides. */}
      <span class={!own && side === "customer" ? "name" : "sr"}>{name}: </span>
      <p class="bubble" dir="auto">
        <Rich text={translated ?? entry.text ?? ""} />
      </p>
      {translation && (
        <small class="translation">
          <Icon of={Languages} size={13} />
          {translation.text === undefined ? (
            t("chat.untranslated")
          ) : (
            <>
              {original ? t("chat.original") : t("chat.translated", { language: nameOf(translation.from) })}
              <button type="button" aria-pressed={original} onClick={() => setOriginal(!original)}>
                {t(original ? "chat.show_translation" : "chat.show_original")}
              </button>
            </>
          )}
        </small>
      )}
      {entry.hidden && (
        <small>
          <Icon of={EyeOff} size={13} />
          {t("chat.hidden", { agent: other })}
        </small>
      )}
      <small>
        <time dateTime={entry.at}>{time}</time>
        {mark && (
          <>
            <Icon of={mark === "sent" ? Check : CheckCheck} size={13} />
            <span class={mark}>{t(`chat.${mark}`)}</span>
          </>
        )}
      </small>
    </div>
  );
}

/** A language's name in the reader's. */
function nameOf(code: string | undefined): string {
  try {
    return new Intl.DisplayNames([language()], { type: "language" }).of(code ?? "") ?? "";
  } catch {
    return code ?? "";
  }
}

function markOf(id: number, marks: Conversation["marks"]): "sent" | "delivered" | "read" {
  return id <= marks.read ? "read" : id <= marks.delivered ? "delivered" : "sent";
}

/** An address, or a code that nobody wants to type: six signs or more with a digit, in capitals or with hyphens. */
const PARTS = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])|\b((?=[A-Z0-9-]*\d)[A-Z0-9]+(?:-[A-Z0-9]+)*)\b/g;
const SHORTEST_CODE = 6;

/** Text with its links made to be pressed and its long codes to be copied; never anything but text and these. */
export function Rich({ text }: { text: string }) {
  const parts: preact.ComponentChildren[] = [];
  let done = 0;
  for (const match of text.matchAll(PARTS)) {
    const [found, link, code] = match;
    const part = link ? (
      <Link key={match.index} address={link} />
    ) : code && code.length >= SHORTEST_CODE ? (
      <Code key={match.index} code={code} />
    ) : null;
    if (!part) continue;
    parts.push(text.slice(done, match.index), part);
    done = match.index + found.length;
  }
  parts.push(text.slice(done));
  return <>{parts}</>;
}

function Link({ address }: { address: string }) {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return <>{address}</>;
  }
  // What is shown is where it leads: names in other scripts show as the browser reads them.
  return (
    <a href={url.href} target="_blank" rel="noopener noreferrer nofollow">
      {url.host + (url.pathname === "/" ? "" : decode(url.pathname)) + url.search}
      <span class="sr"> {t("chat.new_tab")}</span>
    </a>
  );
}

function decode(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

function Code({ code }: { code: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <span class="code">
      <code>{code}</code>
      <button
        type="button"
        aria-label={copied ? t("chat.copied") : t("chat.copy", { code })}
        title={copied ? t("chat.copied") : t("chat.copy", { code })}
        onClick={async () => {
          if (!(await copy(code))) return;
          setCopied(true);
          setTimeout(() => setCopied(false), 2000);
        }}
      >
        <Icon of={copied ? Check : Copy} size={14} />
      </button>
    </span>
  );
}

/** The panel is a frame to which the page around gives no clipboard: there the old way works still. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "sr";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
