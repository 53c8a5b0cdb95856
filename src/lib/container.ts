import { existsSync, readFileSync } from "node:fs";

export interface ContainerFacts {
  readonly inContainer: boolean;
  /** The text of `/proc/self/mountinfo`; "" where there is none. */
  readonly mountInfo: string;
}

/** Where a predecessor's image kept its data. */
const PREDECESSOR_MOUNT = "/app/data";

/** Looks at the system once. A program that only happens to be started inside a container is not its main process. */
export function readContainerFacts(): ContainerFacts {
  const isMain = process.pid === 1 || process.ppid === 1;
  const inContainer = isMain && (existsSync("/.dockerenv") || existsSync("/run/.containerenv"));
  return { inContainer, mountInfo: inContainer ? readFileSync("/proc/self/mountinfo", "utf8") : "" };
}

/**
 * What the owner of a container should know about its data.
 *
 * @param dataDir absolute
 */
export function containerNotices({ inContainer, mountInfo }: ContainerFacts, dataDir: string): string[] {
  if (!inContainer) return [];
  const mounts = mountInfo.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
  const isKept = mounts.some((mount) => mount !== "/" && (dataDir === mount || dataDir.startsWith(`${mount}/`)));
  if (isKept) return [];
  if (mounts.includes(PREDECESSOR_MOUNT)) {
    return [
      `The volume is mounted at ${PREDECESSOR_MOUNT}, but the data is in ${dataDir} and is lost with this container: ` +
        `mount the volume at ${dataDir}, or set DATA_DIR=${PREDECESSOR_MOUNT}.`,
    ];
  }
  return [
    `The data in ${dataDir} is lost when this container is removed: mount a volume there (-v sluice-data:${dataDir}).`,
  ];
}
