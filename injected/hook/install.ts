// Installs the hooks that keep the page believing it is on its own site.

import type { Boot } from "../boot";

export function installHooks(_boot: Boot, _scope: Window & typeof globalThis): void {}
