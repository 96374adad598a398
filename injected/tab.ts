// Which tab of the browser a document is in. The tab's own name remembers it from site to site, and is not shown to pages.

const PREFIX = "__lado_tab:";
/** A tab that the page has named keeps its name, which links aim at: between two pages, storage remembers the tab then. */
const KEPT = "__lado_tab";

export interface Tab {
  /** The same for all documents of a tab. */
  readonly id: string;
  /** The page goes: the tab's next one is to find what it needs. */
  leave(): void;
  /** The page is back, from the back-forward cache. */
  enter(): void;
}

export function enterTab(random: () => string): Tab {
  const own = Reflect.getOwnPropertyDescriptor(window, "name");
  const { get, set } = own ?? {};
  const read = (): string => (get ? Reflect.apply(get, window, []) : "");
  const rename = (to: string): void => {
    if (set) Reflect.apply(set, window, [to]);
  };
  const id = known(read()) ?? random();
  const mark = (): void => {
    if (!read()) rename(PREFIX + id);
  };
  mark();
  const hidden = {
    get name(): string {
      const real = read();
      return real.startsWith(PREFIX) ? "" : real;
    },
    set name(to: string) {
      rename(to);
      mark();
    },
  };
  const shown = Reflect.getOwnPropertyDescriptor(hidden, "name");
  if (own?.configurable && shown)
    Reflect.defineProperty(window, "name", { ...own, get: shown.get, set: shown.set });
  return {
    id,
    leave: () => {
      if (!read().startsWith(PREFIX)) store(`${id} ${read()}`);
    },
    enter: () => {
      store(null);
      mark();
    },
  };
}

function known(real: string): string | undefined {
  if (real.startsWith(PREFIX)) return real.slice(PREFIX.length);
  try {
    const [id, ...named] = (sessionStorage.getItem(KEPT) ?? "").split(" ");
    store(null);
    if (id && named.join(" ") === real) return id;
  } catch {
    // A page without storage.
  }
}

function store(tab: string | null): void {
  try {
    if (tab) sessionStorage.setItem(KEPT, tab);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // A page without storage is a new tab each time, unless its name tells.
  }
}
