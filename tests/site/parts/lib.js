self.lib = (self.lib ?? 0) + 1;
self.libSource = self.document?.currentScript?.src ?? "";
