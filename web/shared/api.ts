// Lado's JSON API, as the apps call it.

import type { Ask } from "./conversation";

export type Phase = "invited" | "waiting" | "active" | "ended";
export type Permission = "look" | "point" | "control";

export interface Agent {
  name: string;
  display: string;
  company: { id: string; name: string };
  role: string;
}

/** Requests of one kind that a page of `site` made past Lado. */
export interface Escaped {
  site: string;
  kind: string;
  target: string;
  count: number;
}

export interface Session {
  id: string;
  site: string;
  state: Phase;
  /** RFC 3339. */
  created: string;
  agent: string | { display: string; name?: string };
  /** Only for the agent who made it, while nobody has used it. */
  link?: string | null;
  expires?: string | null;
  level: Permission;
  online: boolean;
  viewers: number;
  /** The agents who have been let in; `here` when their viewer shows the page at the moment. */
  people?: { name: string; display: string; role: string; here: boolean }[];
  paused?: boolean;
  /** What an agent has asked the customer, until it is answered. */
  request?: ({ by: { name: string; display: string } } & Ask) | null;
  /** RFC 3339. */
  active_since?: string | null;
  page?: { title: string; url: string } | null;
  escaped?: Escaped[];
}

/** A company as its customers meet it; the sentences are by language. */
export interface Company {
  name: string;
  color?: string | null;
  logo?: string;
  texts?: Partial<Record<string, { join?: string; panel?: string }>>;
}

export interface Invitation {
  company: Company;
  agent: { display: string };
  site: string;
  expires: string;
}

/** A refusal, or no answer at all; `code` is Lado's own word for it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export async function call<T>(method: "GET" | "POST", path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: method === "POST" ? { "Content-Type": "application/json" } : {},
      body: method === "POST" ? JSON.stringify(body ?? {}) : null,
      cache: "no-store",
    });
  } catch {
    throw new ApiError(0, "offline", "Lado cannot be reached");
  }
  if (response.status === 204) return undefined as T;
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answer as T;
  const error = (answer as { error?: { code?: string; message?: string } } | undefined)?.error;
  throw new ApiError(response.status, error?.code ?? `http_${response.status}`, error?.message ?? "");
}
