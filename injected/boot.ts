// What Lado tells the script in the page before it starts: served in front of the bundle, one per session and site.

/** A rule that finds elements; `paths` are regex sources over `location.pathname`, none means everywhere. */
export interface SelectorRule {
  id: string;
  selector: string;
  paths: string[];
  /** No unmask rule takes this mask away. */
  firm?: true;
}

/** Locks and masks by accessible name, normalised as `name.ts` does. */
export interface NameRule {
  id: string;
  names: string[];
  paths: string[];
}

/** A pattern that Rust and JavaScript (flag `u`) read alike, and the checksum that a match must pass. */
export interface Detector {
  id: string;
  pattern: string;
  check: "luhn" | "cpf" | "cnpj" | "mod97" | "number" | "ssn" | "nino" | "dni" | "";
}

/** The rules of one site, as `SiteRules::page_json` writes them. */
export interface PageRules {
  mask: SelectorRule[];
  unmask: SelectorRule[];
  lock: SelectorRule[];
  names: NameRule[];
  /** Masks of form fields by name. */
  labels?: NameRule[];
  /** Where all is masked that no rule unmasks. */
  private?: { id: string; paths: string[] }[];
  detectors: Detector[];
}

export interface Boot {
  /** The protocol's version. */
  version: number;
  session: string;
  /** The origin of the site that this view host shows. */
  site: string;
  /** What its hosts share, by the public suffix list. */
  registrable: string;
  /** `domain` with its port. */
  view: { scheme: "http" | "https"; domain: string };
  /** The console's origin. */
  console: string;
  /** The address of the panel's door. */
  panel: string;
  /** The sync socket's address, where it is not on the page's own host. */
  sync?: string | null;
  /** Links to other sites go through here; without it they are mapped to their view hosts. Ends in `?` or `&`. */
  leave?: string | null;
  /** What a page that Lado does not serve comes back with. */
  token?: string | null;
  /** Origins that this session meets under their own names. */
  fronts?: string[];
  /** Labels of sites whose names do not fit, by origin, as known when this was served. */
  aliases: Record<string, string>;
  /** Path of the script that is loaded when something in it is needed; its address, where that is on another host. */
  late: string;
  /** Path of the script that workers start with, where it has a name of its own that may be kept. */
  worker?: string;
  rules: PageRules;
  /** Words in the customer's language: `hidden`, `locked`, `agent`. */
  text: Record<string, string>;
}

declare const LADO_BOOT: Boot;

export const boot: Boot = LADO_BOOT;
