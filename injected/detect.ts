// Finds personal data in text: the page's half of src/rules/detector.rs, which says what counts and why.

import type { Detector } from "./boot";

type Span = [from: number, to: number];

/** Text without a digit and without an @ has nothing to find. */
const MAY_HOLD = /[\p{N}@\uff20]/u;
const UNUSUAL = /[^ -~]| {2}/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls do not show either
const INVISIBLE = /[\0-\x08\x0e-\x1f\x7f\u115f\u1160\p{M}\p{Cf}]/u;
const AS_ASCII: [RegExp, string][] = [
  [/[\s\x85\u2800\u3164\uffa0]/, " "],
  [/[\u2010-\u2015\u2212\u2043\ufe58\ufe63]/, "-"],
  [/[\u2024\u3002\xb7\u2022\u2027\u30fb]/, "."],
  [/[\u2044\u2215]/, "/"],
];
const DIGIT = /\p{Nd}/u;

/** More digits in a row than may be shown of a card, or an @ behind a word: `is_growing` of src/mask/search.rs. */
export function isGrowing(value: string): boolean {
  return MAY_HOLD.test(value) && /(?:\d ?(?:[.\-/_|,] ?)?){7}|[^ ]@/.test(new Text(value, []).plain);
}

const LENGTHS = { luhn: [19, 13], cpf: [11, 11], cnpj: [14, 14] };

/** How numbers are grouped inside longer runs of digits. */
const GROUPS = {
  luhn: /^(\d+|4,6,[45]|4,4,4,[1-7]|4,4,4,4,[1-3])$/,
  cpf: /^(11|3,3,3,2|9,2)$/,
  cnpj: /^(14|2,3,3,4,2|8,4,2|12,2)$/,
};

const IBAN_LENGTHS =
  "AD24AE23AT20BA20BE16BG22BR29CH21CR22CY28CZ24DE22DK18DO28EE20ES24FI18FO18FR27GB22GE22GI23GL18GR27HR21HU28IE22IL23IS26IT27LI21LT20LU20LV21MC27MT31NL18NO15PL28PT25RO24SA24SE24SI19TR26";

export class Detectors {
  #all: { pattern: RegExp; check: Detector["check"] }[];

  constructor(detectors: readonly Detector[]) {
    this.#all = detectors.map(({ pattern, check }) => ({ pattern: new RegExp(pattern, "gdu"), check }));
  }

  /** Texts of one block, in order, with what is found in them together replaced by `mask`; null where nothing is. */
  cover(texts: readonly string[], mask: string): string[] | null {
    const raw = texts.join("");
    if (!MAY_HOLD.test(raw)) return null;
    const text = new Text(raw, texts);
    const spans: Span[] = [];
    for (const { pattern, check } of this.#all) find(text, pattern, check, spans);
    if (!spans.length) return null;
    spans.sort((a, b) => a[0] - b[0]);
    let start = 0;
    return texts.map((piece) => {
      const out = replace(piece, start, spans, mask);
      start += piece.length;
      return out;
    });
  }
}

/** Text as detectors see it, with the way back to where everything stood. */
class Text {
  plain: string;
  #at: number[] | null = null;
  #seams: number[] = [];

  constructor(
    private readonly raw: string,
    pieces: readonly string[],
  ) {
    let end = 0;
    for (const piece of pieces) {
      end += piece.length;
      this.#seams.push(end);
    }
    this.plain = raw;
    if (!UNUSUAL.test(raw)) return;
    this.plain = "";
    this.#at = [];
    let at = 0;
    for (const char of raw) {
      const seen = normal(char);
      if (seen && !(seen === " " && this.plain.endsWith(" "))) {
        this.plain += seen;
        for (let i = 0; i < seen.length; i++) this.#at.push(at);
      }
      at += char.length;
    }
  }

  #place(at: number): number {
    return this.#at ? (this.#at[at] ?? this.raw.length) : at;
  }

  original(from: number, to: number): Span {
    const last = this.#place(to - 1);
    return [this.#place(from), last + ((this.raw.codePointAt(last) ?? 0) > 0xffff ? 2 : 1)];
  }

  /** Whether no letter or digit stands right beside, in the same node. */
  isAlone(from: number, to: number): boolean {
    return (
      (!/[\p{L}\p{N}]$/u.test(this.plain.slice(0, from)) || this.seam(from)) &&
      (!/^[\p{L}\p{N}]/u.test(this.plain.slice(to)) || this.seam(to))
    );
  }

  /** Whether one node ends and the next begins before the character. */
  seam(at: number): boolean {
    const before = at ? this.#place(at - 1) : 0;
    const here = this.#place(at);
    return this.#seams.some((seam) => seam > before && seam <= here);
  }
}

function normal(char: string): string {
  if (char >= " " && char <= "~") return char;
  if (char > "\r" || char < "\t") if (INVISIBLE.test(char)) return "";
  for (const [pattern, ascii] of AS_ASCII) if (pattern.test(char)) return ascii;
  // Full-width, superscript, circled and mathematical forms.
  const folded = char.normalize("NFKC");
  if (/^[!-~]$/.test(folded)) return folded;
  if (!DIGIT.test(char)) return char;
  // Digits of a script follow each other from its zero (Unicode 4.6).
  const code = char.codePointAt(0) ?? 0;
  let value = 0;
  while (value < 9 && DIGIT.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
}

function find(text: Text, pattern: RegExp, check: Detector["check"], spans: Span[]): void {
  const { plain } = text;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(plain); match; match = pattern.exec(plain)) {
    const { 0: found, index } = match;
    if (check === "mod97") {
      const length = iban(found);
      if (length) spans.push(text.original(index, index + length));
      // One that is none may have swallowed the beginning of one that is.
      pattern.lastIndex = index + (length || 1);
    } else if (check === "luhn" || check === "cpf" || check === "cnpj") {
      numbers(text, index, found, check, spans);
    } else {
      // A group is the datum; what stands around it says what it is.
      const [from, to] = match.indices?.[1] ?? [index, index + found.length];
      const counts = !check || (text.isAlone(from, to) && accepts(check, plain.slice(from, to)));
      if (counts) spans.push(text.original(from, to));
      // One that is none may have swallowed the beginning of one that is.
      else pattern.lastIndex = index + ((found.codePointAt(0) ?? 0) > 0xffff ? 2 : 1);
    }
  }
}

const DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE";

/** `Check::accepts` of src/rules/detector.rs. */
function accepts(check: "number" | "ssn" | "nino" | "dni", found: string): boolean {
  const text = found.replace(/[^\da-z]/gi, "").toUpperCase();
  switch (check) {
    case "number":
      return text.replace(/\D/g, "").length >= 4;
    case "ssn":
      return /^(?!000|666|9)\d{3}(?!00)\d\d(?!0000)\d{4}$/.test(text);
    case "nino":
      return /^(?!BG|GB|KN|NK|NT|TN|ZZ)[^DFIQUV][^DFIQUVO]/.test(text);
    case "dni": {
      const body = text.slice(0, -1).replace(/[XYZ]/g, (letter) => String("XYZ".indexOf(letter)));
      return /^\d{8}$/.test(body) && DNI_LETTERS[Number(body) % 23] === text.slice(-1);
    }
  }
}

const ISSUED =
  /^(?:3[47]\d{13}|(?:4\d{3}|5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720|6011|6062|644\d|64[5-9]\d|65\d\d|506\d|636\d)\d{12})$/;

/** A card at the beginning or the end of more digits than a card has. */
function glued(digits: number[], found: (from: number, to: number) => void): void {
  const { length } = digits;
  if (length < 17) return;
  for (const size of [16, 15]) {
    for (const from of [0, length - size]) {
      const card = digits.slice(from, from + size);
      if (!ISSUED.test(card.join("")) || !luhn(card)) continue;
      found(from, from + size);
      return;
    }
  }
}

function numbers(
  text: Text,
  start: number,
  run: string,
  check: "luhn" | "cpf" | "cnpj",
  spans: Span[],
): void {
  let piece = 0;
  for (const gap of run.matchAll(/ ?[.\-/_|,] | [.\-/_|,]|[,_|]/g)) {
    narrow(text, start + piece, run.slice(piece, gap.index), check, spans);
    piece = gap.index + gap[0].length;
  }
  narrow(text, start + piece, run.slice(piece), check, spans);
  if (!piece) return;
  // Prices, dates and years stand far apart, too: only the groups that numbers are written in count.
  const groups = Array.from(run.matchAll(/\d+/g));
  groups.forEach(({ index }, from) => {
    for (let to = from + 2; to < from + 6; to++) {
      const all = groups.slice(from, to);
      const digits = all.join("");
      const last = all.at(-1);
      if (
        last &&
        GROUPS[check].test(all.map(([group]) => group.length).join()) &&
        (check !== "luhn" || ISSUED.test(digits)) &&
        holds(check, Array.from(digits, Number))
      )
        spans.push(text.original(start + index, start + last.index + last[0].length));
    }
  });
}

/** A run of digits with one sign between groups. */
function narrow(text: Text, start: number, run: string, check: "luhn" | "cpf" | "cnpj", spans: Span[]): void {
  const places = Array.from(run.matchAll(/\d/g), (match) => start + match.index);
  const digits = places.map((at) => Number(text.plain[at]));
  const { length } = digits;
  const spaced = (i: number): boolean => i > 0 && (places[i] ?? 0) > (places[i - 1] ?? 0) + 1;
  const border = (i: number): boolean => i === 0 || i === length || spaced(i) || text.seam(places[i] ?? 0);
  const [most = 0, least = 0] = LENGTHS[check];
  const before = spans.length;
  for (let from = 0; from < length; from++) {
    if (!border(from)) continue;
    for (let to = from + most; to >= from + least; to--) {
      if (to > length || !border(to) || !holds(check, digits.slice(from, to))) continue;
      const groups = [1];
      for (let i = from + 1; i < to; i++) {
        if (spaced(i)) groups.push(1);
        else groups[groups.length - 1] = (groups.at(-1) ?? 0) + 1;
      }
      if ((from || to < length) && !GROUPS[check].test(groups.join())) continue;
      spans.push(text.original(places[from] ?? 0, (places[to - 1] ?? 0) + 1));
      from = to - 1;
      break;
    }
  }
  if (check !== "luhn" || spans.length > before) return;
  glued(digits, (from, to) => spans.push(text.original(places[from] ?? 0, (places[to - 1] ?? 0) + 1)));
}

function holds(check: "luhn" | "cpf" | "cnpj", digits: number[]): boolean {
  const [first = 0] = digits;
  if (check === "luhn") return first > 1 && luhn(digits);
  const cpf = check === "cpf";
  return digits.some((digit) => digit !== first) && checkDigits(digits, cpf ? 9 : 12, cpf ? 11 : 9);
}

function luhn(digits: number[]): boolean {
  const sum = digits.reduceRight((total, digit, i) => {
    const odd = (digits.length - 1 - i) % 2;
    return total + (odd ? digit * 2 - (digit > 4 ? 9 : 0) : digit);
  }, 0);
  return sum % 10 === 0;
}

function checkDigits(digits: number[], body: number, top: number): boolean {
  for (let place = body; place < digits.length; place++) {
    let sum = 0;
    for (let i = 0; i < place; i++) sum += (digits[place - 1 - i] ?? 0) * (2 + (i % (top - 1)));
    const check = 11 - (sum % 11);
    if (digits[place] !== (check > 9 ? 0 : check)) return false;
  }
  return true;
}

/** How much of the text is an IBAN that it begins with; 0 for none. */
function iban(text: string): number {
  const length = Number(new RegExp(`${text.slice(0, 2).toUpperCase()}(\\d\\d)`).exec(IBAN_LENGTHS)?.[1] ?? 0);
  const signs = Array.from(text.matchAll(/[0-9a-z]/gi)).slice(0, length);
  if (!length || signs.length < length) return 0;
  let rest = 0;
  for (const [sign] of [...signs.slice(4), ...signs.slice(0, 4)]) {
    const value = Number.parseInt(sign, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1 ? (signs.at(-1)?.index ?? 0) + 1 : 0;
}

function replace(piece: string, start: number, spans: readonly Span[], mask: string): string {
  let out = "";
  let done = 0;
  for (const [from, to] of spans) {
    const a = Math.max(from - start, done);
    const b = Math.min(to - start, piece.length);
    if (a >= b) continue;
    out += piece.slice(done, a) + mask;
    done = b;
  }
  return out + piece.slice(done);
}
