// The sites that this browser's agent started sessions on last.

const KEY = "lado.sites";
const KEPT = 4;

export function recentSites(): string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter((site) => typeof site === "string").slice(0, KEPT) : [];
  } catch {
    return [];
  }
}

export function rememberSite(site: string): void {
  try {
    const rest = recentSites().filter((other) => other !== site);
    localStorage.setItem(KEY, JSON.stringify([site, ...rest].slice(0, KEPT)));
  } catch {
    // Without storage there is no history; nothing else depends on it.
  }
}
