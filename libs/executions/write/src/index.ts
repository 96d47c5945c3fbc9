export { ExecutionWorkerModule, type ExecutionWorkerOptions } from './execution-worker.module.js';
export { ExecutionsWriteModule } from './executions-write.module.js';
