import { expect, test } from "bun:test";
import { containerNotices } from "../../src/lib/container.ts";

const line = (mount: string) => `36 35 98:0 /x ${mount} rw,noatime master:1 - ext4 /dev/root rw`;
const mounts = (...points: string[]) => points.map(line).join("\n");

const cases: { name: string; inContainer?: boolean; mountInfo: string; says?: string }[] = [
  { name: "outside a container there is nothing to say", inContainer: false, mountInfo: "" },
  { name: "a volume on the data folder is right", mountInfo: mounts("/", "/data") },
  { name: "a volume above the data folder is right", mountInfo: mounts("/", "/data") },
  {
    name: "no volume is a warning with the mount to add",
    mountInfo: mounts("/", "/proc"),
    says: "sluice-data:/data/in",
  },
  {
    name: "a predecessor's volume is named with both ways out",
    mountInfo: mounts("/", "/app/data"),
    says: "DATA_DIR=/app/data",
  },
  { name: "a folder that only begins alike is no volume", mountInfo: mounts("/", "/dat"), says: "-v" },
];

test.each(cases)("$name", ({ inContainer = true, mountInfo, says }) => {
  const notices = containerNotices({ inContainer, mountInfo }, "/data/in");
  expect(notices).toHaveLength(says === undefined ? 0 : 1);
  if (says !== undefined) expect(notices[0]).toContain(says);
});
