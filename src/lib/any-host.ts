/** For every Elysia that is asked by `handle`: without it, a host of three letters or fewer ("nas", "pi") hides its paths. */
export const ANY_HOST = { standardHostname: false } as const;
