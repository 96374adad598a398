// Links to other sites on a page under its own name: Lado says whether they have a view in this session.

/** The part of the Navigation API that is needed here. */
interface Leaving extends Event {
  readonly destination: { readonly url: string };
  readonly downloadRequest: string | null;
  readonly formData: FormData | null;
  readonly hashChange: boolean;
  readonly navigationType: string;
}

/** Sends navigations to other sites through `through`; forms, downloads and everything else stay as they are. */
export function keepTogether(through: string): void {
  const { navigation } = window as unknown as { navigation?: EventTarget };
  const { location } = window;
  const { origin } = location;
  navigation?.addEventListener("navigate", (event) => {
    const { cancelable, destination, downloadRequest, formData, hashChange, navigationType } =
      event as Leaving;
    if (!cancelable || hashChange || formData || downloadRequest !== null) return;
    const target = parsed(destination.url);
    if (!target || target.origin === origin || !/^https?:$/.test(target.protocol)) return;
    // The way itself, where Lado is on another host than the page.
    if (destination.url.startsWith(through)) return;
    event.preventDefault();
    const way = `${through}to=${encodeURIComponent(target.href)}`;
    if (navigationType === "replace") location.replace(way);
    else location.assign(way);
  });
}

function parsed(url: string): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}
