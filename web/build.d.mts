// The types of build.mjs, for tests.

export interface AppFile {
  name: string;
  bytes: Uint8Array;
  type: string;
  ext: string;
}
export interface App {
  name: string;
  base: string;
}
export function bundleApp(app: App): Promise<AppFile[]>;
export function appDocument(app: App, files: AppFile[]): string;
export function bundleInjected(entry: string): Promise<Uint8Array>;
export function bundleLate(): Promise<Uint8Array>;
