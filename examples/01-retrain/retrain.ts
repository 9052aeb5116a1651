// Apply a definition, retrain, score. Notice:
// - `apply` takes the code along: a job runs this train.py and no other, whatever the directory becomes;
// - `retrain` answers with a handle at once, and any process can take the run up again by its id;
// - the decision comes with its reason, and a worse model is a decision, not an exception;
// - callers name the tag and are told which model answered.
// Run it twice on one stack: the second candidate is equal to the first, and equal never wins.
import { connect } from '../customers/connect.ts';
import { CUSTOMER, definitionFile } from '../customers/definition.ts';

await using connected = await connect();
const { platform } = connected;

const { tag, digest, changed } = await platform.models.apply({ file: definitionFile });
console.log(`${tag}: ${changed ? 'applied' : 'in force already'}, ${digest}`);

const run = await platform.retrain(tag, { reason: 'example 01' });
console.log(`run ${run.workflowId} ${run.url ?? ''}`);
for await (const { stage, state } of run.watch()) console.log(`  ${stage}: ${state}`);

const { decision, reason, modelId, gate, codeRevision, registryRunId } = await run.result();
console.log(`${String(modelId)}: ${decision}, ${reason}`);
console.log(`  judged on ${String(gate?.holdout.rows)} rows, ${String(gate?.holdout.digest)}`);
console.log(`  made from code ${codeRevision}, recorded in MLflow as run ${registryRunId}`);

const score = await platform.score(tag, { dataframe_records: [CUSTOMER] });
console.log(`${score.modelId} says: leaves with probability ${String(score.predictions[0])}`);
