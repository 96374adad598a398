// Makes style sheets fit the stage: what the customer's mouse, keyboard and browser are stands in attributes there, and
// the agent's own never match.

/** Pseudo-classes of the customer's pointer and keyboard, and the attributes that stand for them. */
const STATES: Record<string, string> = {
  hover: "[data-lado-hover]",
  active: "[data-lado-press]",
  focus: "[data-lado-focus]",
  "focus-visible": "[data-lado-ring]",
  "focus-within": "[data-lado-within]",
  target: "[data-lado-target]",
  fullscreen: "[data-lado-fullscreen]",
  // Nothing is defined where no script runs; on the page nearly everything is.
  defined: ":not([data-lado-undefined])",
};
const STATE =
  /(?<![:\\])(?:\\:)*:(hover|active|focus-visible|focus-within|focus|target|fullscreen|defined)(?![-\w(])/g;

/** Features in which browsers and devices differ; widths are the stage's own. */
const FEATURE =
  /\(\s*(prefers-[a-z-]+|hover|any-hover|pointer|any-pointer|color-gamut|dynamic-range|forced-colors|inverted-colors|display-mode|update|scripting)\s*(?::\s*([a-z-]+)\s*)?\)/g;
const DENSITY =
  /\(\s*(?:-webkit-)?(min-|max-)?(resolution|device-pixel-ratio)\s*:\s*([\d.]+)(dppx|x|dpi|dpcm)?\s*\)/g;
const ALWAYS = "(min-width: 0px)";
const NEVER = "(max-width: 0px)";

export interface Browser {
  /** Media features as `name: value`; null before the page has said. */
  features: ReadonlySet<string> | null;
  /** Device pixels per CSS pixel, in thousandths. */
  density: number;
}

export class Dresser {
  /** Media texts as they came, for when the customer's browser changes. */
  readonly #media = new WeakMap<object, string>();

  constructor(private readonly browser: () => Browser) {}

  sheet(sheet: CSSStyleSheet): void {
    let rules: CSSRuleList;
    try {
      rules = sheet.cssRules;
    } catch {
      // Not loaded, or not to be read.
      return;
    }
    if (!sheet.ownerRule) this.#list(sheet, sheet.media);
    for (const rule of rules) this.rule(rule);
  }

  rule(rule: CSSRule): void {
    const { selectorText, media, cssRules, styleSheet } = rule as CSSStyleRule & CSSMediaRule & CSSImportRule;
    if (selectorText !== undefined) {
      const dressed = selectorText.replace(STATE, (_, state: string) => STATES[state] ?? "");
      if (dressed !== selectorText) (rule as CSSStyleRule).selectorText = dressed;
    }
    if (media) this.#list(rule, media);
    if (styleSheet) this.sheet(styleSheet);
    if (cssRules) for (const inner of cssRules) this.rule(inner);
  }

  #list(owner: object, media: MediaList): void {
    const text = this.#media.get(owner) ?? media.mediaText;
    const dressed = this.media(text);
    if (dressed === media.mediaText) return;
    this.#media.set(owner, text);
    media.mediaText = dressed;
  }

  /** A media query as the customer's browser answers it. */
  media(text: string): string {
    const { features, density } = this.browser();
    let dressed = text.replace(DENSITY, (_, bound: string | undefined, _name, value: string, unit = "x") => {
      const wanted = Number(value) * (unit === "dpi" ? 1 / 96 : unit === "dpcm" ? 2.54 / 96 : 1);
      const has = density / 1000;
      const holds =
        bound === "min-" ? has >= wanted : bound === "max-" ? has <= wanted : Math.abs(has - wanted) < 0.01;
      return holds ? ALWAYS : NEVER;
    });
    if (features)
      dressed = dressed.replace(FEATURE, (whole, name: string, value?: string) => {
        const known = [...features].find((feature) => feature.startsWith(`${name}: `));
        if (known === undefined) return whole;
        const is = known.slice(name.length + 2);
        return (value === undefined ? is !== "none" && is !== "no-preference" : is === value)
          ? ALWAYS
          : NEVER;
      });
    return dressed;
  }
}
