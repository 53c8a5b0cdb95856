import { expect, test } from "bun:test";
import type { Account } from "../../src/pool/account.ts";
import { CallerRests } from "../../src/pool/caller-rests.ts";
import { readyHealth } from "../../src/pool/health.ts";

const NOW = 1_760_000_000_000;

test("of more than a thousand rests of callers' own accounts the oldest is forgotten", () => {
  const rests = new CallerRests();
  for (let i = 0; i <= 1000; i++) {
    const health = { ...readyHealth(NOW), state: "cooling", until: NOW + 60_000 } as const;
    rests.keep({ identityHash: `hash-${i}`, health } as Account, NOW);
  }
  const stateOf = (i: number) => rests.healthOf(`hash-${i}`, NOW).state;
  expect([stateOf(0), stateOf(1), stateOf(1000)]).toEqual(["ready", "cooling", "cooling"]);
});

test("a turn that began before a rest and ends well leaves the rest of its login as it is", () => {
  const rests = new CallerRests();
  const resting = { ...readyHealth(NOW), state: "cooling", until: NOW + 60_000 } as const;
  const well = { identityHash: "hash", health: readyHealth(NOW) } as Account;
  rests.keep({ identityHash: "hash", health: resting } as Account, NOW);
  rests.keep(well, NOW + 59_000);
  expect(rests.healthOf("hash", NOW + 59_000)).toEqual(resting);
  rests.keep(well, NOW + 60_000);
  expect(rests.healthOf("hash", NOW + 60_000).state).toBe("ready");
});
