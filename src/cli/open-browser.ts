/** Shows a page in the person's browser. Quietly nothing where there is none, as on a server: the address is printed too. */
export function openBrowser(url: string, platform: NodeJS.Platform = process.platform): void {
  try {
    const child = Bun.spawn(browserCommand(url, platform), { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    child.unref();
  } catch {
    // The system has no such program.
  }
}

/** The program that opens a URL on a system, with its arguments. */
export function browserCommand(url: string, platform: NodeJS.Platform): string[] {
  if (platform === "darwin") return ["open", url];
  // Not `start`: it would read & in the URL as the end of a command.
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler", url];
  return ["xdg-open", url];
}
