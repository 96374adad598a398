// The script that runs first in every proxied document: hooks, then the sync of the page with Lado.

import { boot } from "./boot";
import { guard } from "./guard";
import { installHooks } from "./hook/install";
import { startSync } from "./sync";

// Frames that the page above can look into are part of its capture; the others have no line of their own yet.
const top = window.parent === window;
installHooks(boot, window);
if (top) guard(startSync)();
