import { keyItem } from "./kiro-configs.ts";
import type { ImportFile, ImportItem, Predecessor, Reading } from "./reading.ts";

/** A `.env` as the settings understand it. Sentences name variables and show no secret. */
export interface Environment {
  /** How many of its variables a setting here or a predecessor knows. */
  readonly known: number;
  readonly accounts: readonly { readonly provider: string; readonly variable: string; readonly text: string }[];
  readonly keys: readonly { readonly variable: string; readonly key: string }[];
  /** Settings that may change while the gateway runs. */
  readonly settings: readonly { readonly variable: string; readonly name: string; readonly value: string }[];
  readonly notes: readonly string[];
  readonly names: readonly string[];
}

/** Reads a `.env` text. */
export type EnvironmentReader = (text: string) => Environment;

/** Variables that only one predecessor had. */
const MARKS: readonly (readonly [Predecessor, RegExp])[] = [
  ["longchat", /^(?:AUTH_COOKIES|API_BASEURL)$/],
  ["langfast-2api", /^(?:M(?:IN|AX)_CREDENTIALS|SUPABASE_URL|SUPABASE_ANON_KEY|SOCKET_URL)$/],
  ["langfast2api", /^USER_SET_KEY$/],
  ["enginelabs-2api", /^CLERK_COOKIE$/],
  ["OctoProxy", /^ELECTRON_/],
  ["AIClient-2-API", /^KIRO_OAUTH_/],
];

/** A predecessor's `.env`; undefined for a text that names no variable anybody here knows. */
export function readVariables(file: ImportFile, read: EnvironmentReader): Reading | undefined {
  const { known, accounts, keys, settings, notes, names } = read(file.text ?? "");
  if (known === 0) return undefined;
  const { path } = file;
  return {
    items: [
      ...accounts.map(({ provider, variable, text }, index): ImportItem => {
        const place = accounts.filter((one) => one.variable === variable).length > 1 ? `, entry ${index + 1}` : "";
        return { kind: "account", from: `${path}, ${variable}${place}`, provider, text, settings: {}, disabled: false };
      }),
      ...keys.map(({ variable, key }) => keyItem(path, variable, variable, key)),
      ...settings.map(({ variable, name, value }): ImportItem => {
        return { kind: "setting", from: `${path}, ${variable}`, name, value };
      }),
    ],
    refused: [],
    notes: notes.map((note) => `${path}: ${note}`),
    predecessors: MARKS.flatMap(([predecessor, mark]) => (names.some((name) => mark.test(name)) ? [predecessor] : [])),
  };
}
