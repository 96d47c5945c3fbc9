import { Controller, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { PROJECTION_ADVANCED, type ProjectionAdvanced } from '@sluice/platform-notifications';
import { Checkpoint } from './checkpoint.js';
import { ReadStore } from './read-store.js';

@Controller()
class CheckpointController {
  constructor(private readonly checkpoint: Checkpoint) {}

  @EventPattern(PROJECTION_ADVANCED)
  advanced(@Payload() { position }: ProjectionAdvanced): void {
    this.checkpoint.advanced(position);
  }
}

/** What the queries of every context read through. */
@Module({ controllers: [CheckpointController], providers: [ReadStore, Checkpoint], exports: [ReadStore, Checkpoint] })
export class ReadingModule {}
