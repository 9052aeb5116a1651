import { setHandler } from '@temporalio/workflow';
import { failure } from '../../temporal/errors.js';
import { endShadowNow, extendShadow, notice } from '../../temporal/messages.js';

interface Actor {
  actor: string;
}

export interface Ending extends Actor {
  reason: string;
}

/** What others say to a shadow run: that its end moves, that it ends now, or that the tag has ended it. */
export class Controls {
  /** A person's word that it is enough. */
  ending: Ending | null = null;
  /** The tag's word that the comparison is worth nothing any more. */
  told: string | null = null;

  /** `openUntil`: the end of the window while it is open, else null. */
  constructor(
    openUntil: () => string | null,
    extend: (asked: { until: string; actor: string }) => Promise<{ until: string }>,
  ) {
    const refuseUnlessOpen = (_asked: Actor): void => {
      if (openUntil() === null || this.over) throw notOpen();
    };
    setHandler(extendShadow, extend, { validator: refuseUnlessOpen });
    const end = (ending: Ending): null => {
      this.ending = ending;
      return null;
    };
    setHandler(endShadowNow, end, { validator: refuseUnlessOpen });
    setHandler(notice, (heard) => {
      if (heard.about === 'shadow') this.told = heard.reason;
    });
  }

  get over(): boolean {
    return this.ending !== null || this.told !== null;
  }
}

export function notOpen(): Error {
  const message = 'expected a shadow run whose window is open; cancel one that still waits for it';
  return failure('InvalidRequest', message, { details: { issues: [{ path: '', message }] } });
}
