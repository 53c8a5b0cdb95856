import type { AccountChanges } from "../admin.ts";

/** Rows of a database by table and column. */
export type Tables = Record<string, Record<string, unknown>[]>;

/** One file as it was found: a text, or a database's tables. */
export interface ImportFile {
  /** As the report names it; files of one folder share all before the last slash. */
  readonly path: string;
  readonly text?: string;
  readonly tables?: Tables;
  /** False for a file that only lay in a folder: then it is no fault when nothing here understands it. */
  readonly named?: boolean;
}

/** Whose file it is, which decides what is said about differences. */
export type Predecessor =
  | "longchat"
  | "langfast-2api"
  | "langfast2api"
  | "enginelabs-2api"
  | "OctoProxy"
  | "kiro.rs"
  | "Kiro"
  | "CLIProxyAPI"
  | "AIClient-2-API"
  | "Sluice";

/** One thing to take over. `from` says where it stood: the path, and the entry where there are several. */
export type ImportItem =
  | {
      readonly kind: "account";
      readonly from: string;
      readonly provider: string;
      /** For the provider to parse; an `opened` one is a credential of its own shape instead. */
      readonly text?: string;
      readonly opened?: unknown;
      /** What a person set for it there; not yet checked. */
      readonly settings: AccountChanges;
      readonly disabled: boolean;
    }
  | {
      readonly kind: "key";
      readonly from: string;
      readonly name: string;
      /** SHA-256 of the whole key, hex. */
      readonly hash: string;
      /** What may be shown of it. */
      readonly prefix: string;
    }
  | {
      readonly kind: "setting";
      readonly from: string;
      readonly name: string;
      readonly value: string;
      /** The setting holds a value per provider, and this is the one of `provider`. */
      readonly provider?: string;
    };

export interface Refusal {
  readonly from: string;
  readonly reason: string;
}

/** What a file holds. Sentences of `notes` stand for themselves: what has no effect here, what stays in the environment. */
export interface Reading {
  readonly items: readonly ImportItem[];
  readonly refused: readonly Refusal[];
  readonly notes: readonly string[];
  readonly predecessors: readonly Predecessor[];
}

export const NOTHING: Reading = { items: [], refused: [], notes: [], predecessors: [] };

/** All that several readings hold. */
export function together(readings: readonly Reading[]): Reading {
  return {
    items: readings.flatMap(({ items }) => items),
    refused: readings.flatMap(({ refused }) => refused),
    notes: readings.flatMap(({ notes }) => notes),
    predecessors: readings.flatMap(({ predecessors }) => predecessors),
  };
}

/** The name of a file without its folder, and the folder with its slash. */
export function placeOf(path: string): { folder: string; name: string } {
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  return { folder: path.slice(0, at), name: path.slice(at) };
}
