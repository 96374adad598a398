// Lado's mark: two pages, side by side.

export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect x="2" y="5" width="17" height="22" rx="5" fill="#0f7d78" />
      <rect x="13" y="5" width="17" height="22" rx="5" fill="#f0a04b" fill-opacity="0.88" />
    </svg>
  );
}

export function Brand() {
  return (
    <span class="brand">
      <Mark />
      Lado
    </span>
  );
}
