// The script of a session's pages under the site's own name: every address is as it should be, and nothing is hooked but
// the ways to other sites.

import { boot } from "./boot";
import { guard } from "./guard";
import { keepTogether } from "./leave";
import { startSync } from "./sync";

if (boot.leave) guard(keepTogether)(boot.leave);
// Frames that the page above can look into are part of its capture.
if (window.parent === window) guard(startSync)();
