// Keeps Lado's own errors out of the page: everything that the page or the browser calls goes through one guard.

/** What went wrong so far; the count is for tests and for support. */
export const failures = { count: 0, last: undefined as unknown };

export function failed(error: unknown): void {
  failures.count++;
  failures.last = error;
}

export function guard<A extends unknown[]>(run: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      run(...args);
    } catch (error) {
      failed(error);
    }
  };
}
