importScripts("{{cdn}}/parts/lib.js", "/parts/lib.js");
postMessage({ lib: self.lib });
