/** The least characters of a console password, but for one in the environment: those who move over bring theirs. */
export const MIN_PASSWORD_LENGTH = 12;
