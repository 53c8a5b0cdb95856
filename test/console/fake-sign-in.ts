import type { AccountView, Admin, SignInMethodView, SignInView } from "../../src/admin/admin.ts";
import { GatewayError } from "../../src/chat/error.ts";

/** What a fake sign-in needs to know of the fake world around it. */
export interface SignInWorld {
  accounts: AccountView[];
  methods: SignInMethodView[];
  signIns: SignInView[];
  begun: unknown[];
}

const both = (text: string) => ({ en: text, zh: text });

/** One way of each kind: a code at once, a code after a question, a browser. */
export const METHODS: SignInMethodView[] = [
  { provider: "kiro", providerTitle: "Kiro", id: "builder-id", title: both("AWS Builder ID"), fields: [] },
  {
    provider: "kiro",
    providerTitle: "Kiro",
    id: "idc",
    title: both("IAM Identity Center"),
    fields: [{ name: "startUrl", label: both("Start URL"), required: true }],
  },
  { provider: "kiro", providerTitle: "Kiro", id: "google", title: both("Google"), fields: [] },
];

export const LAST_ADDRESS = "http://localhost:3128/oauth/callback?code=c&state=s";

/** Sign-ins that a test finishes by hand with `settle`; a browser's ends with `LAST_ADDRESS`. */
export function fakeSignIn(
  world: SignInWorld,
  clock: { now(): number },
  admit: (view: SignInView) => AccountView,
): Admin["signIn"] {
  let serial = 0;
  const find = (id: string): SignInView => {
    const found = world.signIns.find((each) => each.id === id);
    if (found === undefined) throw new GatewayError("unknown-path", "There is no such sign-in.");
    return found;
  };
  return {
    methods: async () => world.methods,
    async begin(provider, method, input = {}, options = {}) {
      world.begun.push({ provider, method, input, ...options });
      const known = world.methods.find((each) => each.id === method);
      if (input["startUrl"] !== undefined && !input["startUrl"].startsWith("https://")) {
        throw new GatewayError("invalid-request", "The start URL begins with https://.", { field: "startUrl" });
      }
      serial += 1;
      const view: SignInView = {
        id: `login_${serial}`,
        provider,
        providerTitle: "Kiro",
        method,
        methodTitle: known?.title ?? both(method),
        label: options.label,
        accountId: options.accountId,
        createdAt: clock.now(),
        expiresAt: clock.now() + 600_000,
        status: "open",
        reason: undefined,
        prompt:
          method === "google"
            ? { kind: "browser", url: "https://sign-in.example/authorize?state=s", listens: false }
            : { kind: "code", userCode: `QHKD-7TW${serial}`, url: "https://device.example/", pollAfterMs: 5000 },
        accounts: [],
      };
      world.signIns = [view, ...world.signIns];
      return view;
    },
    poll: async (id) => find(id),
    async complete(id, address) {
      if (address !== LAST_ADDRESS) {
        throw new GatewayError("invalid-request", "This is not the address of the last page.", { field: "address" });
      }
      return settle(world, id, { status: "done", accounts: [admit(find(id))] });
    },
    async cancel(id) {
      find(id);
      world.signIns = world.signIns.filter((each) => each.id !== id);
    },
    list: async () => world.signIns,
  };
}

/** Changes a sign-in as the gateway does in the background. */
export function settle(world: SignInWorld, id: string, changes: Partial<SignInView>): SignInView {
  const ended = changes.status === undefined ? {} : { prompt: undefined };
  world.signIns = world.signIns.map((each) => (each.id === id ? { ...each, ...ended, ...changes } : each));
  const view = world.signIns.find((each) => each.id === id);
  if (view === undefined) throw new Error(`${id} is not there`);
  const news = view.accounts.filter((each) => !world.accounts.some(({ id: known }) => known === each.id));
  world.accounts = [...world.accounts, ...news];
  return view;
}
