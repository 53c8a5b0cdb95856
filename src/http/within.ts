import type { Agenda, Due } from "../lib/agenda.ts";

/** What `work` gives within `ms`, or undefined when it takes longer; it goes on all the same. */
export function within<T>(work: Promise<T>, ms: number, agenda: Agenda): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const deadline: Due = { dueAt: 0, place: -1, due: () => resolve(undefined) };
    agenda.add(deadline, ms);
    work.then(
      (value) => {
        agenda.remove(deadline);
        resolve(value);
      },
      (error) => {
        agenda.remove(deadline);
        reject(error);
      },
    );
  });
}
