import type { IncomingHttpHeaders, RequestOptions } from "node:http";

interface Response {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

interface Entered {
  id: string;
  host: string;
  cookie: string;
  admit(pin: string): Promise<Response>;
  viewer(): Promise<URL>;
}

interface Ready {
  pid: number;
  console: string;
  front: string;
  enter(page: string): Promise<Entered>;
}

export function free(): Promise<number>;
export function ask(port: number, host: string, options: RequestOptions, body?: string): Promise<Response>;
export function ladoBefore(origin: number, own: number, more?: string): Promise<Ready>;
export function bench(main: () => Promise<void>): Promise<void>;
