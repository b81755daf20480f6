/** Nothing: every call carries the request's context by itself. */
export const callOptions = (_request: unknown): object => ({});
