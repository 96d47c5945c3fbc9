export { executionEnv } from './execution-env.js';
export { ExecutionWorkerModule, type ExecutionWorkerOptions } from './execution-worker.module.js';
export { ExecutionsWriteModule } from './executions-write.module.js';
export { WorkWatch } from './sweeps/work-watch.js';
