import { isObject } from "../../lib/json.ts";
import { EXPORT_FORMAT, exportIn, readExport } from "../export-file.ts";
import { readCookieJson, readCookieLines } from "./cookies.ts";
import { documentsOf } from "./documents.ts";
import { readAiClientConfig, readKiroRsConfig } from "./kiro-configs.ts";
import { isRegistration, readKiroCliRows, readLogins } from "./logins.ts";
import { readOctoProxyConfig, readOctoProxyTables } from "./octoproxy.ts";
import { type ImportFile, NOTHING, type Reading, together } from "./reading.ts";
import { type EnvironmentReader, readVariables } from "./variables.ts";

const FORMATS =
  "It is none of: a .env, a list of cookies, an export or a database of OctoProxy, its config.json, Kiro's token files or " +
  "kiro-cli's database, kiro.rs' credentials.json or config.json, an account file of CLIProxyAPI, AIClient-2-API or an " +
  "account manager, an export of Sluice.";

/** Reads each file by what it holds, never by its name. Pure: nothing is taken yet. */
export function readFiles(files: readonly ImportFile[], readEnvironment: EnvironmentReader): Reading {
  return together(files.map((file) => readFile(file, files, readEnvironment)));
}

function readFile(file: ImportFile, files: readonly ImportFile[], readEnvironment: EnvironmentReader): Reading {
  const { path, text, tables, named = true } = file;
  const unknown = (reason: string): Reading => (named ? { ...NOTHING, refused: [{ from: path, reason }] } : NOTHING);
  if (tables) {
    if (tables["auth_kv"]) return readKiroCliRows(path, tables["auth_kv"]);
    if (tables["providers"] || tables["api_keys"]) return readOctoProxyTables(file, tables, files);
    return unknown("This database belongs to none of the programs whose data can be taken over (OctoProxy, kiro-cli).");
  }
  if (text === undefined || text.trim() === "") return unknown("The file is empty.");
  const documents = documentsOf(text);
  if (documents && !documents.whole && text.includes(EXPORT_FORMAT))
    return unknown("This export of Sluice is cut off or broken.");
  if (documents) {
    const reading = readDocuments(file, documents.values, files);
    if (!reading) {
      const isPart = documents.values.length > 0 && documents.values.every(isRegistration);
      return unknown(
        isPart ? "It is a client's registration alone: import the token file beside it, or the folder." : FORMATS,
      );
    }
    return documents.whole
      ? reading
      : {
          ...reading,
          refused: [
            ...reading.refused,
            { from: path, reason: "The file is cut off or broken; what was whole in it was read." },
          ],
        };
  }
  if (/^\s*[[{]\s*(?:["[{\]}]|$)/.test(text))
    return unknown("It is JSON that is cut off or broken, and no entry of it is whole.");
  return readVariables(file, readEnvironment) ?? readCookieLines(file) ?? unknown(FORMATS);
}

function readDocuments(
  file: ImportFile,
  documents: readonly unknown[],
  files: readonly ImportFile[],
): Reading | undefined {
  const [first] = documents;
  if (documents.length === 1) {
    const own = exportIn(first);
    if (own) return readExport(file.path, own);
    const single =
      readOctoProxyConfig(file.path, first) ??
      readKiroRsConfig(file.path, first) ??
      readAiClientConfig(file.path, first) ??
      (isObject(first) && Object.keys(first).some((key) => key.startsWith("kirocli:"))
        ? readKiroCliRows(
            file.path,
            Object.entries(first).map(([key, value]) => ({ key, value })),
          )
        : undefined);
    if (single) return single;
  }
  return readLogins(file, documents, files) ?? (documents.length === 1 ? readCookieJson(file, first) : undefined);
}
