// The script that runs first in every proxied document: hooks, then the sync of the page with Lado.

import { boot } from "./boot";
import { guard } from "./guard";
import { installHooks } from "./hook/install";
import { keepTogether } from "./leave";
import { startSync } from "./sync";

// Frames that the page above can look into are part of its capture; the others have no line of their own yet.
const top = window.parent === window;
// Under the site's own name every address is as it should be: only the ways to other sites are the session's business.
if (boot.leave) guard(keepTogether)(boot.leave);
else installHooks(boot, window);
if (top) guard(startSync)();
