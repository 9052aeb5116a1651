/** What a shell can act on; listed by `modelyard --help`. */
export const EXIT = {
  ok: 0,
  /** A ModelyardError, a failed run, a check that did not hold. */
  failed: 1,
  /** The command line itself: an unknown command, a missing or malformed argument. */
  usage: 2,
  /** `--expect` named another decision than the run came to. */
  unexpected: 3,
} as const;
