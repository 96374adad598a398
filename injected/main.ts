// The script that runs first in every proxied document: hooks, then the sync of the page with Lado.

import { boot } from "./boot";
import { installHooks } from "./hook/install";

installHooks(boot, window);
