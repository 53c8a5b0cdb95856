import type { ImportFile } from "./reading.ts";

export interface ImportOptions {
  readonly files: ImportFile[];
  /** Opens exports that are sealed. */
  readonly passphrase?: string;
  /** Says what would be done and does nothing. */
  readonly dryRun?: boolean;
}

/** One thing that was taken, or was there already. */
export interface ImportLine {
  readonly kind: "account" | "key" | "setting";
  /** The account's provider. */
  readonly provider?: string;
  /** The account's label, the key's name, the setting's name with its value. */
  readonly name: string;
  /** The account's or key's; undefined in a dry run and for settings. */
  readonly id?: string;
  /** The path, and the entry where there are several. */
  readonly from: string;
  /** Of what was there already: why it stays. */
  readonly reason?: string;
}

export interface ImportReport {
  readonly dryRun: boolean;
  readonly took: readonly ImportLine[];
  readonly skipped: readonly ImportLine[];
  readonly refused: readonly { readonly from: string; readonly reason: string }[];
  /** What has no effect here, what stays in the environment, what was left out. */
  readonly notes: readonly string[];
  /** What will behave differently here, one sentence or more for each predecessor. */
  readonly differences: readonly string[];
}
