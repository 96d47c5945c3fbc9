import { Controller, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { PROJECTION_ADVANCED, type ProjectionAdvanced } from '@sluice/platform-notifications';
import { Checkpoint } from './checkpoint.js';
import { ReadCache } from './read-cache.js';
import { ReadStore } from './read-store.js';

@Controller()
class CheckpointController {
  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly cache: ReadCache,
  ) {}

  /** First the old answers, then those who wait for new ones. */
  @EventPattern(PROJECTION_ADVANCED)
  advanced(@Payload() { position, keys }: ProjectionAdvanced): void {
    this.cache.drop(keys);
    this.checkpoint.advanced(position);
  }
}

/** What the queries of every context read through. */
@Module({
  controllers: [CheckpointController],
  providers: [ReadStore, Checkpoint, ReadCache],
  exports: [ReadStore, Checkpoint, ReadCache],
})
export class ReadingModule {}
