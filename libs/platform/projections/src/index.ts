export { IsId } from './is-id.js';
export { ReadsTheLog } from './log-position.interceptor.js';
export { PeriodPage, withinPeriod } from './period-page.js';
export { type AnyProjection, type ColumnType, type Logged, type Projection, type TenantRow, unchanged } from './projection.js';
export { ProjectorLoop, type ProjectorOptions } from './projector-loop.js';
export { ProjectorModule } from './projector.module.js';
export { containing, type ListSql, Parameters, type ReadClient, ReadStore } from './read-store.js';
export { ReadingModule } from './reading.module.js';
export { selectList } from './row-sql.js';
