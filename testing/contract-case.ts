/** One promise of a port. A suite is a list of them, so that any test runner can run it. */
export interface ContractCase<Subject> {
  readonly title: string;
  /** Rejects with an AssertionError that says what the adapter does not keep. */
  readonly run: (make: () => Promise<Subject>) => Promise<void>;
}

/** Cases from checks by title; each gets a subject of its own, disposed of whatever the check finds. */
export function contractCases<Subject extends { dispose(): Promise<void> }>(
  checks: Record<string, (subject: Subject) => Promise<void>>,
): ContractCase<Subject>[] {
  return Object.entries(checks).map(([title, check]) => ({
    title,
    run: async (make) => {
      const subject = await make();
      try {
        await check(subject);
      } finally {
        await subject.dispose();
      }
    },
  }));
}
