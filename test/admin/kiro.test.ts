import { expect, test } from "bun:test";
import { startGateway } from "../gateway.ts";
import { startKiroSim } from "../sims/kiro.ts";
import { VirtualClock } from "../virtual-clock.ts";

test("a sign-in in the browser makes an account that serves Claude Code's names, with its plan and usage", async () => {
  await using sim = await startKiroSim();
  const account = sim.account("cat", "social");
  sim.signsIn = account;
  const { urls } = sim;
  const clock = new VirtualClock();
  await using gateway = await startGateway({
    clock,
    env: {
      KIRO_RUNTIME_URL: urls.runtimeUrl,
      KIRO_MANAGEMENT_URL: urls.managementUrl,
      KIRO_LEGACY_URL: urls.legacyUrl,
      KIRO_CODEWHISPERER_URL: urls.codewhispererUrl,
      KIRO_AUTH_URL: urls.authUrl,
      KIRO_OIDC_URL: urls.oidcUrl,
      KIRO_PORTAL_URL: urls.portalUrl,
    },
  });
  const { signIn, accounts } = gateway.app.admin;
  const begun = await signIn.begin("kiro", "google", {}, { label: "Cat" });
  const address = begun.prompt?.kind === "browser" ? sim.authorize(begun.prompt.url) : "";
  expect(await signIn.complete(begun.id, address)).toMatchObject({ status: "done", accounts: [{ label: "Cat" }] });
  await clock.advance(70_000);
  // The model list comes over a real socket, which virtual time does not wait for.
  for (const { id } of await accounts.list()) await accounts.sync(id);
  expect(await accounts.list()).toMatchObject([{ provider: "kiro", quota: { limit: 50, unit: "credits" } }]);

  for (const model of ["claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001", "opus", "sonnet", "haiku"]) {
    const answer = await gateway.chat({ model });
    expect([model, answer.status, answer.headers.get("x-sluice-provider")]).toEqual([model, 200, "kiro"]);
    await answer.arrayBuffer();
  }
  expect(account.counts.refresh).toBe(0);
  expect(sim.violations).toEqual([]);
});
