// The script that runs first in every worker of a proxied page.

import { boot } from "./boot";
import { installWorkerHooks } from "./hook/install";

installWorkerHooks(boot, globalThis);
