import { readFileSync } from 'node:fs';
import type { FirstSchema } from '../../../../workflows/policy/tag/logic.js';

const HISTORY = new URL(
  '../../../replay/logic-1/tag/continued-as-new-page-2.json',
  import.meta.url,
);

interface Recorded {
  history: {
    events: {
      workflowExecutionStartedEventAttributes?: { input: { payloads: { data: string }[] } };
    }[];
  };
}

/** What a tag's workflow of the version before handed to its next page. */
export function firstSchemaState(): FirstSchema {
  const { history } = JSON.parse(readFileSync(HISTORY, 'utf8')) as Recorded;
  const data = history.events[0]?.workflowExecutionStartedEventAttributes?.input.payloads[0]?.data;
  const start = JSON.parse(Buffer.from(data ?? '', 'base64').toString()) as { state: FirstSchema };
  return start.state;
}
