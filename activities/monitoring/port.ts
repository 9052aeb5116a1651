import type { TrafficFigures } from '../../temporal/contracts/figures.js';
import type { MirrorFigures } from '../../temporal/contracts/predictions.js';

/** How the models of a tag do on its traffic. */
export interface Monitoring {
  /** Cumulative counts; two readings of one `epoch` are subtracted to judge what was between them. */
  figures(tag: string): Promise<TrafficFigures>;
  /** The same of the tag's mirror. */
  mirror(tag: string): Promise<MirrorFigures>;
}
