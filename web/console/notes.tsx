// Notes and outcome of a session: kept as they are written, and the agent is told when they are not.

import { Check, TriangleAlert } from "lucide";
import { Component } from "preact";
import { call } from "../shared/api";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { explain } from "./state";

export const OUTCOMES = {
  solved: "console.outcome_solved",
  follow_up: "console.outcome_follow_up",
  not_solved: "console.outcome_not_solved",
  wrong_number: "console.outcome_wrong_number",
  technical: "console.outcome_technical",
} as const;
export type Outcome = keyof typeof OUTCOMES;

export interface Written {
  notes: string;
  outcome: Outcome | null;
}

interface Props {
  id: string;
  /** What is known already; else Lado is asked. */
  known?: Written;
  /** Hears what has been kept. */
  kept?(written: Written): void;
}

interface State {
  written: Written | null;
  saving: "no" | "soon" | "now" | "done";
  problem: string;
}

/** After the last key. */
const PAUSE = 700;
/** As Lado counts them: by code point. */
const MAX = 4000;

export class Notes extends Component<Props, State> {
  override state: State = { written: this.props.known ?? unkept(this.props.id), saving: "no", problem: "" };
  #timer: ReturnType<typeof setTimeout> | undefined;

  override componentDidMount(): void {
    if (unkept(this.props.id)) this.#keep();
    else if (!this.state.written) this.#load();
  }

  override componentWillUnmount(): void {
    if (this.state.saving === "soon") this.#keep();
  }

  #load(): void {
    this.setState({ problem: "" });
    call<Written>("GET", `/api/sessions/${this.props.id}/notes`).then(
      (written) => this.setState({ written }),
      (error) => this.setState({ problem: explain(error) }),
    );
  }

  #write(change: Partial<Written>): void {
    const written = { notes: "", outcome: null, ...this.state.written, ...change };
    this.setState({ written, saving: "soon" });
    remember(this.props.id, written);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keep(), PAUSE);
  }

  #keep(): void {
    clearTimeout(this.#timer);
    const { written } = this.state;
    if (!written) return;
    this.setState({ saving: "now" });
    call<Written>("POST", `/api/sessions/${this.props.id}/notes`, written).then(
      (kept) => {
        // More has been written meanwhile: that is kept next.
        if (this.state.written !== written) return;
        remember(this.props.id, null);
        this.setState({ written: kept, saving: "done", problem: "" });
        this.props.kept?.(kept);
      },
      (error) => this.setState({ saving: "no", problem: explain(error) }),
    );
  }

  override render() {
    const { written, saving, problem } = this.state;
    const field = `notes-${this.props.id}`;
    return (
      <div class="notes">
        <fieldset disabled={!written}>
          <legend>{t("console.outcome")}</legend>
          <div class="outcomes">
            {(Object.keys(OUTCOMES) as Outcome[]).map((outcome) => (
              <label key={outcome}>
                <input
                  type="radio"
                  name={`outcome-${this.props.id}`}
                  checked={written?.outcome === outcome}
                  onChange={() => this.#write({ outcome })}
                />
                <span>{t(OUTCOMES[outcome])}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <label for={field}>{t("console.notes")}</label>
        <textarea
          class="input"
          id={field}
          rows={5}
          maxLength={MAX}
          placeholder={t("console.notes_hint")}
          disabled={!written}
          value={written?.notes ?? ""}
          onInput={(event) => this.#write({ notes: event.currentTarget.value })}
          onBlur={() => saving === "soon" && this.#keep()}
        />
        <p class="kept" role="status">
          {saving === "done" && !problem && (
            <>
              <Icon of={Check} size={16} />
              {t("console.notes_kept")}
            </>
          )}
        </p>
        {problem && (
          <p class="note bad" role="alert">
            <Icon of={TriangleAlert} size={18} />
            <span>{written ? t("console.notes_lost") : problem}</span>
            <button
              class="button small"
              type="button"
              onClick={() => (written ? this.#keep() : this.#load())}
            >
              {t("common.again")}
            </button>
          </p>
        )}
      </div>
    );
  }
}

/** What Lado has not kept yet waits in this tab of the browser. */
const place = (id: string) => `lado.notes.${id}`;

function unkept(id: string): Written | null {
  try {
    return JSON.parse(sessionStorage.getItem(place(id)) ?? "null") as Written | null;
  } catch {
    return null;
  }
}

function remember(id: string, written: Written | null): void {
  try {
    if (written) sessionStorage.setItem(place(id), JSON.stringify(written));
    else sessionStorage.removeItem(place(id));
  } catch {
    // Without storage they last as long as the screen.
  }
}
