import type { SignInView } from "../admin/admin.ts";
import type { Operator } from "../admin/routes.ts";
import { GatewayError } from "../chat/error.ts";
import { type CliIo, UsageError } from "./command.ts";
import { lineReader } from "./input.ts";
import { plain, promptText } from "./login-text.ts";
import { NotServing } from "./remote.ts";

/** Between two looks whether the browser is back: they ask the gateway alone. */
const LOOK_MS = 1000;

/**
 * Says what the user does and waits until the sign-in has ended: looks at it as often as its service wants, and hands on
 * the addresses that are pasted.
 * @throws GatewayError cancelled after Ctrl-C, when the sign-in is given up; or when the gateway stopped meanwhile
 */
export async function waitForEnd(io: CliIo, operator: Operator, begun: SignInView): Promise<SignInView> {
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => undefined); // it may come when nobody waits any more
  const forget = io.onInterrupt(() => interrupted.reject(new UsageError("given up")));
  const lines = begun.prompt?.kind === "browser" ? lineReader(io) : undefined;
  try {
    io.stderr.write(promptText(begun)); // only now: from here on Ctrl-C is met
    return await follow(io, operator.signIn, begun, interrupted.promise, lines && (() => lines.next()));
  } catch (error) {
    if (error instanceof NotServing) {
      // Not passed on: another process would begin the sign-in anew.
      const message = "The gateway stopped meanwhile. The sign-in goes on when it runs again: sluice login list";
      throw new GatewayError("stopping", message, { cause: error });
    }
    if (!(error instanceof UsageError)) throw error;
    await operator.signIn.cancel(begun.id);
    throw new GatewayError("cancelled", "Given up: the sign-in is cancelled.", { cause: error });
  } finally {
    lines?.close();
    forget();
  }
}

async function follow(
  io: CliIo,
  signIn: Operator["signIn"],
  begun: SignInView,
  interrupted: Promise<never>,
  nextLine: (() => Promise<string | undefined>) | undefined,
): Promise<SignInView> {
  let view = begun;
  let line = nextLine?.();
  let said: string | undefined;
  while (view.status === "open") {
    if (view.reason !== undefined && view.reason !== said) io.stderr.write(`${plain(view.reason)}\n`);
    said = view.reason;
    const pause = pauseOf(io, view);
    const typed = await Promise.race([interrupted, pause.over, ...(line ? [line.then((text) => ({ text }))] : [])]);
    pause.cancel();
    if (typed) line = typed.text === undefined ? undefined : nextLine?.();
    const text = typed?.text;
    view = await Promise.race([interrupted, text === undefined ? signIn.poll(view.id) : hand(io, signIn, view, text)]);
  }
  return view;
}

function pauseOf({ clock }: CliIo, { prompt }: SignInView): { over: Promise<undefined>; cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const ms = prompt?.kind === "code" ? prompt.pollAfterMs : LOOK_MS;
  return { over: promise, cancel: clock.after(ms, () => resolve(undefined)) };
}

/** After an address that was not taken, the right one may follow as long as the sign-in is open. */
async function hand(io: CliIo, signIn: Operator["signIn"], view: SignInView, address: string): Promise<SignInView> {
  try {
    return await signIn.complete(view.id, address);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const now = await signIn.poll(view.id);
    if (now.status === "open") io.stderr.write(`${plain(error.message)}\n`);
    return now;
  }
}
