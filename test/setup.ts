import { setDefaultTimeout } from "bun:test";

// The limit ends a test that hangs; how fast things are is measured in `bun run bench`. A busy or small machine gets time.
setDefaultTimeout(30_000);
