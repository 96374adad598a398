// What the late script takes from the first one, which has it from before the page's scripts could change it.
//
// The bundler turns the late script's imports of these modules into reads of this object (web/build.mjs).

import { activeElement } from "./capture/active";
import * as dom from "./capture/dom";
import { isField } from "./capture/fields";
import { failed, guard } from "./guard";

const { isElement, localName, isConnected, matches, nodeType, viewOf, ownerDocument, hasAttribute } = dom;
const { getAttribute, query, rootOf, contains, rect, shadowOf, dispatch, listen, frame, timeout } = dom;
const { input, textarea, select, optionSelected, documentIn, DOCUMENT, hostOf, parentNode } = dom;
const { append, adoptedOf } = dom;

export const shared = {
  ...{ activeElement, isField, failed, guard },
  ...{ isElement, localName, isConnected, matches, nodeType, viewOf, ownerDocument, hasAttribute },
  ...{ getAttribute, query, rootOf, contains, rect, shadowOf, dispatch, listen, frame, timeout },
  ...{ input, textarea, select, optionSelected, documentIn, DOCUMENT, hostOf, parentNode },
  ...{ append, adoptedOf },
};

export type Late = typeof import("./late");
