// The agent's past sessions: found again by site, name or note.

import { ChevronDown, History as Clock, RotateCw, Search } from "lucide";
import { useEffect, useState } from "preact/hooks";
import { call } from "../shared/api";
import { type Key, language, t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { useLanguage } from "../shared/use-language";
import { Notes, OUTCOMES, type Written } from "./notes";
import { moment } from "./parts";
import { explain, open } from "./state";

interface Past extends Written {
  id: string;
  site: string;
  via: "link" | "pin";
  created: string;
  seconds?: number;
  joined: boolean;
  ended_by?: string;
  people: string[];
  /** Whether this agent may write its notes. */
  mine: boolean;
}

interface Found {
  sessions: readonly Past[];
  more: boolean;
}

/** After the last key. */
const PAUSE = 250;

export function History() {
  useLanguage();
  const [search, setSearch] = useState("");
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState("");
  const [again, setAgain] = useState(0);
  const ended = open.value.length;
  // What ends is in the history from then on.
  useEffect(() => {
    let late = false;
    const timer = setTimeout(
      () => {
        ask(search).then(
          (found) => {
            if (late) return;
            setFound(found);
            setProblem("");
          },
          (error) => !late && setProblem(explain(error)),
        );
      },
      search ? PAUSE : 0,
    );
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [search, ended, again]);

  const more = () => {
    const last = found?.sessions.at(-1);
    if (!found || !last) return;
    ask(search, last.id).then(
      ({ sessions, more }) => setFound({ sessions: [...found.sessions, ...sessions], more }),
      (error) => setProblem(explain(error)),
    );
  };
  const going = new Set(open.value.map(({ id }) => id));
  const sessions = found?.sessions.filter(({ id }) => !going.has(id)) ?? [];
  return (
    <section class="history" aria-labelledby="history">
      <header>
        <h2 id="history">{t("console.history")}</h2>
        <label class="search">
          <Icon of={Search} size={18} />
          <span class="sr">{t("console.history_search")}</span>
          <input
            class="input"
            type="search"
            placeholder={t("console.history_search")}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
      </header>
      {problem ? (
        <div class="card nothing" role="alert">
          <p>{problem}</p>
          <button class="button" type="button" onClick={() => setAgain(again + 1)}>
            <Icon of={RotateCw} size={18} />
            {t("common.again")}
          </button>
        </div>
      ) : !found ? (
        <div class="card nothing" role="status">
          <span class="spinner" />
          <p>{t("console.loading")}</p>
        </div>
      ) : sessions.length === 0 ? (
        <div class="card nothing" role="status">
          <span class="round">
            <Icon of={search ? Search : Clock} size={28} />
          </span>
          <p>
            <strong>{t(search ? "console.history_unfound" : "console.history_none")}</strong>
          </p>
          <p class="muted">{t(search ? "console.history_unfound_more" : "console.history_none_more")}</p>
        </div>
      ) : (
        <ul class="card rows">
          {sessions.map((past) => (
            <Row key={past.id} past={past} />
          ))}
        </ul>
      )}
      {found?.more && !problem && (
        <button class="button more" type="button" onClick={more}>
          {t("console.history_more")}
        </button>
      )}
    </section>
  );
}

async function ask(search: string, before?: string): Promise<Found> {
  const query = new URLSearchParams({ search, ...(before ? { before } : {}) });
  return call<Found>("GET", `/api/history?${query}`);
}

function Row({ past }: { past: Past }) {
  useLanguage();
  const [shown, setShown] = useState(false);
  const [written, setWritten] = useState<Written>(past);
  const details = [
    moment(past.created),
    past.seconds === undefined ? null : lasted(past.seconds),
    past.people.join(", "),
    t(past.via === "pin" ? "console.via_pin" : "console.via_link"),
  ];
  return (
    <li class={shown ? "unfolded" : ""}>
      <button
        class="session"
        type="button"
        aria-expanded={shown}
        aria-controls={`past-${past.id}`}
        onClick={() => setShown(!shown)}
      >
        <strong>{past.site.replace(/^www\./, "")}</strong>
        <span class="muted">{details.filter(Boolean).join(" · ")}</span>
        {!shown && written.notes && <span class="note-line">{written.notes}</span>}
      </button>
      <span class="badges">
        {written.outcome && (
          <span class={`badge ${written.outcome === "solved" ? "good" : "soft"}`}>
            {t(OUTCOMES[written.outcome])}
          </span>
        )}
        <span class="badge">{t(ending(past))}</span>
      </span>
      <Icon of={ChevronDown} size={18} />
      {shown && (
        <div class="past" id={`past-${past.id}`}>
          {past.mine ? (
            <Notes id={past.id} known={written} kept={setWritten} />
          ) : (
            <p>{written.notes || "–"}</p>
          )}
        </div>
      )}
    </li>
  );
}

function ending({ ended_by, joined }: Past): Key {
  if (!ended_by) return "console.state_active";
  if (ended_by === "declined") return "console.ended_declined";
  if (ended_by === "restart") return "console.ended_restart";
  return joined ? "console.state_ended" : "console.ended_unused";
}

function lasted(seconds: number): string {
  const unit = (value: number, unit: "minute" | "second") =>
    new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "short" }).format(value);
  return seconds < 60 ? unit(seconds, "second") : unit(Math.round(seconds / 60), "minute");
}
