// The script that runs first in every proxied document: hooks, then the sync of the page with Lado.

import { boot } from "./boot";
import { framing, hearFrames, whenSeen } from "./framed";
import { guard } from "./guard";
import { installHooks } from "./hook/install";
import { startSync } from "./sync";

const isTab = window.parent === window;
hearFrames(window);
installHooks(boot, window);
// Frames that the page above can look into are part of its capture; the others have a line of their own.
const start = guard(() => startSync(framing));
if (isTab) start();
else if (framing.isFramed) whenSeen(start);
