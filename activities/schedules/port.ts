import type { ScheduleSpec } from '../../temporal/contracts/schedule.js';

/** Fires a tag's retrains at the times its definition names. */
export interface Schedules {
  /**
   * Makes the tag's schedule equal the spec, or absent for null, and reads it back. Repeats are harmless; whether it is
   * paused is left as it is. `actor` is who the runs it starts are asked by. Refused with InvalidDefinition when the
   * expression names no times.
   */
  apply(tag: string, spec: ScheduleSpec | null, actor: string): Promise<void>;
}
