// The agent's favourite sites, as Lado keeps them.

import { signal } from "@preact/signals";
import { call } from "../shared/api";
import { agent } from "./state";

export interface Favourite {
  site: string;
  name: string;
}

export const favourites = signal<readonly Favourite[]>([]);
agent.subscribe((who) => {
  if (!who) favourites.value = [];
});

/** Without an answer the list stays as it is: the sites can be typed. */
export async function loadFavourites(): Promise<void> {
  const who = agent.value;
  const answer = await call<{ favourites: Favourite[] }>("GET", "/api/favourites");
  if (agent.value === who) favourites.value = answer.favourites;
}

export function isFavourite(site: string): boolean {
  return favourites.value.some((favourite) => plain(favourite.site) === plain(site));
}

/** Adds or removes a site. */
export async function toggleFavourite(site: string): Promise<void> {
  const known = favourites.value.find((favourite) => plain(favourite.site) === plain(site));
  if (known) await call("POST", "/api/favourites/remove", { site: known.site });
  else await call("POST", "/api/favourites", { site });
  await loadFavourites();
}

/** An address as favourites are compared: without query and fragment. */
function plain(site: string): string {
  try {
    const { origin, pathname } = new URL(site);
    return origin + pathname;
  } catch {
    return site;
  }
}
