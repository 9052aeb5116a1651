import { percentileOf } from '../routes/pick.js';

/**
 * Whether a request is copied: the same request id always is or never. Salted, because a canary takes the requests whose id lies
 * below its weight, and a sample by the same measure would be drawn from what is left.
 */
export function isSampled(requestId: string, samplingPercent: number): boolean {
  return samplingPercent >= 100 || percentileOf(`mirror:${requestId}`) < samplingPercent;
}
