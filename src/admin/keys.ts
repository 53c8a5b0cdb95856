import { GatewayError } from "../chat/error.ts";
import type { Clock } from "../lib/clock.ts";
import { newApiKey, newId } from "../lib/id.ts";
import type { ApiKeyRecord, Store } from "../store/store.ts";
import type { Admin, ApiKeyView } from "./admin.ts";
import { nameOf } from "./names.ts";

/** A key that fits the presented text. */
export interface KnownKey {
  /** Tells it from another key of the same name. */
  readonly id: string;
  readonly name: string;
  readonly admin: boolean;
}

export interface KeyRing {
  readonly operations: Admin["keys"];
  /** The key this text is, or undefined. Costs one hash and one look-up. */
  find(presented: string): KnownKey | undefined;
  /** The stored key with this hash, revoked ones too. */
  known(hash: string): ApiKeyRecord | undefined;
  /** Takes a key over of which only the hash is known, and resolves to its id. */
  adopt(key: Pick<ApiKeyRecord, "name" | "hash" | "prefix">): Promise<string>;
}

const SHOWN_CHARS = "sk-sluice-".length + 4;

/** SHA-256 as hex. API keys are random, so a plain hash is enough. */
export function hashOf(text: string): string {
  return Bun.SHA256.hash(text, "hex");
}

/**
 * The API keys, held in memory by hash so that a request costs no query and a revocation works at the next one.
 *
 * @param masterKeys keys from the environment that always work, by the name of their variable
 */
export async function openKeyRing(
  store: Store,
  clock: Clock,
  masterKeys: readonly { readonly name: string; readonly key: string }[] = [],
): Promise<KeyRing> {
  const records = new Map<string, ApiKeyRecord>();
  for (const record of await store.keys.all()) records.set(record.hash, record);
  const masters = new Map(
    masterKeys.map(({ name, key }) => {
      const hash = hashOf(key);
      return [hash, { id: `${name} ${hash.slice(0, 16)}`, name, admin: false }];
    }),
  );

  return {
    find(presented) {
      const hash = hashOf(presented);
      const master = masters.get(hash);
      if (master) return master;
      const record = records.get(hash);
      if (!record || record.revokedAt !== undefined) return undefined;
      store.keys.touch(record.id, clock.now());
      return record;
    },
    known: (hash) => records.get(hash),
    async adopt({ name, hash, prefix }) {
      const origin = { admin: false, createdAt: clock.now(), lastUsedAt: undefined, revokedAt: undefined };
      const record: ApiKeyRecord = { id: newId("key"), name, prefix, hash, ...origin };
      await store.keys.insert(record);
      records.set(hash, record);
      return record.id;
    },
    operations: {
      async list() {
        return (await store.keys.all()).map(toView);
      },
      async create(name, options = {}) {
        const given = nameOf("key", "name", name);
        const key = newApiKey();
        const record: ApiKeyRecord = {
          id: newId("key"),
          name: given,
          prefix: `${key.slice(0, SHOWN_CHARS)}…`,
          hash: hashOf(key),
          admin: options.admin ?? false,
          createdAt: clock.now(),
          lastUsedAt: undefined,
          revokedAt: undefined,
        };
        await store.keys.insert(record);
        records.set(record.hash, record);
        return { key, view: toView(record) };
      },
      async revoke(id) {
        const record = [...records.values()].find((known) => known.id === id);
        if (!record) throw new GatewayError("unknown-path", `There is no key with the id ${id}.`, { field: "id" });
        const revokedAt = clock.now();
        await store.keys.revoke(id, revokedAt);
        records.set(record.hash, { ...record, revokedAt });
      },
    },
  };
}

function toView({ hash: _hash, ...view }: ApiKeyRecord): ApiKeyView {
  return view;
}
