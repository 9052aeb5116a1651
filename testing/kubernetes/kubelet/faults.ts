/** What can happen to one pod. */
export type PodFault =
  /** The kernel kills its program, as with memory over the limit. `afterMs` counts from the program's beginning. */
  | { kind: 'oom-kill'; afterMs?: number }
  /** The node is short of memory and puts the pod out: a disruption, which is nobody's fault. */
  | { kind: 'evict'; afterMs?: number }
  /** Its images cannot be pulled, for ever when `forMs` is absent. */
  | { kind: 'image-pull'; forMs?: number }
  /** The node forgets how the program ended and runs it once more; the second end is told. */
  | { kind: 'run-twice' };

/** What can happen to a pod that runs. */
export type PodStrike = { kind: 'oom-kill' } | { kind: 'evict' };
