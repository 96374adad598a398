// Lucide's icon nodes as inline SVG; import single icons from "lucide" so that bundles stay small.

import { h } from "preact";

type IconNode = readonly (readonly [
  tag: string,
  attrs: Readonly<Record<string, string | number | undefined>>,
])[];

/** Decorative unless it has a label. */
export function Icon({ of, size = 20, label }: { of: IconNode; size?: number; label?: string }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width={2}
      stroke-linecap="round"
      stroke-linejoin="round"
      role={label ? "img" : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : "true"}
    >
      {of.map(([tag, attrs]) => h(tag, attrs))}
    </svg>
  );
}
