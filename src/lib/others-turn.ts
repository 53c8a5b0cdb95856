/**
 * Resolves once everything else that is ready has had its turn. Work in many steps takes it between two of them: SQLite
 * answers at once, so awaiting a write lets nobody else in, and every stream of the process would stand still.
 */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
