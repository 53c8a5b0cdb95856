/** The providers, one line each. `app.ts` makes them with their settings and hands them on as values. */
export { createDemo } from "./demo/index.ts";
export { createLongcat } from "./longcat/index.ts";
