import { expect, test } from "bun:test";
import { abortReason, GatewayError } from "../../src/chat/error.ts";

test("a signal's own failure is why it aborted", () => {
  const left = new GatewayError("cancelled", "The client left.");
  expect(abortReason(AbortSignal.abort(left))).toBe(left);
});

test("any other reason is a cancelled turn, with the reason beneath", () => {
  const signal = AbortSignal.abort("why");
  expect(abortReason(signal)).toMatchObject({ kind: "cancelled", cause: "why" });
});
