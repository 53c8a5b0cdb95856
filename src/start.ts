import { Elysia } from "elysia";

/** Serves on the loopback address. */
export async function start(_argv: string[]): Promise<void> {
  new Elysia().get("/", "OK").listen({ hostname: "127.0.0.1", port: 8000 });
}
