import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../../package.json" with { type: "json" };
import { vendor } from "./vendor.ts";

/** Each executable we publish and Bun's name for it. Docker's words for processors, so that an image finds its own. */
const TARGETS: Readonly<Record<string, string>> = {
  "linux-amd64": "bun-linux-x64",
  "linux-amd64-baseline": "bun-linux-x64-baseline",
  "linux-amd64-musl": "bun-linux-x64-musl",
  "linux-arm64": "bun-linux-arm64",
  "linux-arm64-musl": "bun-linux-arm64-musl",
  "darwin-amd64": "bun-darwin-x64",
  "darwin-arm64": "bun-darwin-arm64",
  "windows-amd64": "bun-windows-x64",
};

const USAGE = `Usage: bun run build [--all | TARGET...]
Makes dist/sluice for this machine, or dist/sluice-TARGET and dist/SHA256SUMS. Targets: ${Object.keys(TARGETS).join(", ")}.`;

const repository = join(import.meta.dir, "..", "..");

/** Compiles one executable and returns its file name below `dist/`. Foreign runtimes come from the package registry. */
async function compile(name: string, target?: string): Promise<string> {
  const file = target?.includes("windows") || (!target && process.platform === "win32") ? `${name}.exe` : name;
  const build = Bun.spawn(
    [
      process.execPath,
      "build",
      "--compile",
      "--production",
      "--bytecode",
      "--format=esm", // bytecode of the default format cannot await at the top level
      "--splitting", // what is imported when first used is loaded then, and a start reads the rest alone
      "--compile-jit-policy=100", // a start runs its code once, so compiling it is lost time; serving sets 1 again
      "--sourcemap", // kept inside the executable: stack traces name our lines
      "--no-compile-autoload-dotenv", // the working directory's .env and bunfig.toml belong to others:
      "--no-compile-autoload-bunfig", // a preload in them would run inside our process
      ...["public", "drizzle", "vendor"].map((folder) => `--asset=${folder}`),
      `--define=BUILD_VERSION=${JSON.stringify(manifest.version)}`,
      ...(target ? [`--target=${target}`] : []),
      "src/main.ts",
      `--outfile=dist/${file}`,
    ],
    { cwd: repository, stdio: ["ignore", "inherit", "inherit"] },
  );
  if ((await build.exited) !== 0) throw new Error(`could not build ${file}`);
  return file;
}

async function checksum(file: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(join(repository, "dist", file)).stream()) hash.update(chunk);
  return `${hash.digest("hex")}  ${file}\n`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { all: { type: "boolean" }, help: { type: "boolean" } },
    allowPositionals: true,
  });
  const names = values.all ? Object.keys(TARGETS) : positionals;
  const unknown = names.filter((name) => !TARGETS[name]);
  if (values.help || unknown.length > 0) {
    process.stderr.write(`${unknown.map((name) => `No target ${name}.\n`).join("")}${USAGE}\n`);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  if (Bun.version !== manifest.devDependencies.bun) {
    throw new Error(`this is Bun ${Bun.version}; releases are built with ${manifest.devDependencies.bun}`);
  }
  await vendor();
  await mkdir(join(repository, "dist"), { recursive: true });
  if (names.length === 0) await compile("sluice");
  const files: string[] = [];
  for (const name of names) files.push(await compile(`sluice-${name}`, TARGETS[name]));
  for (const map of new Bun.Glob("*.map").scanSync(join(repository, "dist"))) await rm(join(repository, "dist", map));
  if (files.length > 0) {
    await Bun.write(join(repository, "dist", "SHA256SUMS"), (await Promise.all(files.map(checksum))).join(""));
  }
}

await main();
