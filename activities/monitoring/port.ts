import type { TrafficFigures } from '../../temporal/contracts/figures.js';

/** How the models of a tag do on its traffic. */
export interface Monitoring {
  /** Cumulative counts; two readings of one `epoch` are subtracted to judge what was between them. */
  figures(tag: string): Promise<TrafficFigures>;
}
