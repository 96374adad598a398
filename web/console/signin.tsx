// The sign-in.

import { CircleAlert } from "lucide";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../shared/api";
import { Brand } from "../shared/brand";
import { t } from "../shared/i18n";
import { Icon } from "../shared/icon";
import { LanguagePicker } from "../shared/language";
import { explain, signIn } from "./state";

export function SignIn() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const name = useRef<HTMLInputElement>(null);
  const password = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = `${t("console.sign_in")} · Lado`;
    name.current?.focus();
  }, []);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem("");
    try {
      await signIn(name.current?.value.trim() ?? "", password.current?.value ?? "");
    } catch (error) {
      const wrong = error instanceof ApiError && error.status === 401;
      setProblem(wrong ? t("console.error_sign_in") : explain(error));
      setBusy(false);
      password.current?.select();
    }
  }

  return (
    <div class="sign-in">
      <header>
        <Brand />
        <LanguagePicker />
      </header>
      <main>
        <form class="card" onSubmit={submit}>
          <h1>{t("console.sign_in")}</h1>
          <p class="muted">{t("console.sign_in_more")}</p>
          <div class="field">
            <label for="name">{t("console.name")}</label>
            <input
              class="input"
              id="name"
              name="name"
              ref={name}
              autocomplete="username"
              autocapitalize="none"
              required
            />
          </div>
          <div class="field">
            <label for="password">{t("console.password")}</label>
            <input
              class="input"
              id="password"
              name="password"
              type="password"
              ref={password}
              autocomplete="current-password"
              required
              aria-describedby="problem"
            />
          </div>
          <div id="problem" role="alert">
            {problem && (
              <p class="note bad">
                <Icon of={CircleAlert} size={18} />
                <span>{problem}</span>
              </p>
            )}
          </div>
          <button class="button primary" type="submit" aria-busy={busy} disabled={busy}>
            {t("console.sign_in")}
          </button>
        </form>
      </main>
    </div>
  );
}
