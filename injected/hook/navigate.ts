// One listener of the Navigation API that keeps every navigation of a document inside the view domain.

import { type Any, guard, natives } from "../natives";
import type { Context } from "./replace";

/**
 * Sees what no other hook can: writes to `location`, which cannot be redefined, and clicks on links, submits and meta
 * refreshes whose address escaped the mapping. Browsers without the Navigation API do without.
 */
export function hookNavigation(context: Context): void {
  const { realm, map } = context;
  if (!realm.navigation) return;
  natives.addEventListener(realm.navigation, "navigate", (event: Any) => {
    guard(() => {
      const url: string = natives.destination.get(event.destination);
      if (!event.cancelable || event.hashChange || !map.escapes(url)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      again(context, event, map.toView(url));
    }, undefined);
  });
}

function again({ realm }: Context, event: Any, url: string): void {
  if (event.formData) submit(realm.document, event, url);
  else if (typeof event.downloadRequest === "string") {
    const link = natives.createElement(realm.document, "a");
    natives.href.set(link, url);
    natives.setAttribute(link, "download", event.downloadRequest);
    natives.click(link);
  } else if (event.navigationType === "replace") realm.location.replace(url);
  else realm.location.assign(url);
}

/** The body of a POST cannot be navigated with: a form that holds the same entries is submitted instead. */
function submit(document: Any, { formData, sourceElement }: Any, url: string): void {
  const form = natives.createElement(document, "form");
  const files = [...formData.values()].some((value) => typeof value !== "string");
  const enctype = sourceElement?.formEnctype || sourceElement?.form?.enctype || sourceElement?.enctype;
  const fields = {
    method: "post",
    action: url,
    enctype: files ? "multipart/form-data" : enctype,
    hidden: "",
  };
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined) natives.setAttribute(form, name, value);
  for (const [name, value] of formData) {
    const input = natives.createElement(document, typeof value === "string" ? "textarea" : "input");
    natives.setAttribute(input, "name", name);
    if (typeof value === "string") input.value = value;
    else {
      const list = new DataTransfer();
      list.items.add(value);
      natives.setAttribute(input, "type", "file");
      input.files = list.files;
    }
    natives.appendChild(form, input);
  }
  natives.appendChild(document.documentElement, form);
  natives.formSubmit(form);
  natives.removeChild(document.documentElement, form);
}
