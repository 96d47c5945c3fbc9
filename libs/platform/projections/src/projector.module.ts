import { Controller, type DynamicModule, Module } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { EVENTS_APPENDED, type EventsAppended } from '@sluice/platform-notifications';
import { PROJECTOR_OPTIONS, ProjectorLoop, type ProjectorOptions } from './projector-loop.js';

@Controller()
class ProjectorController {
  constructor(private readonly loop: ProjectorLoop) {}

  @EventPattern(EVENTS_APPENDED)
  appended(@Payload() _hint: EventsAppended): void {
    this.loop.wake();
  }
}

/** The projector: follows the log from the moment the app has started until it shuts down. */
@Module({})
export class ProjectorModule {
  static forRoot(options: ProjectorOptions): DynamicModule {
    return {
      module: ProjectorModule,
      global: true,
      controllers: [ProjectorController],
      providers: [{ provide: PROJECTOR_OPTIONS, useValue: options }, ProjectorLoop],
      exports: [ProjectorLoop],
    };
  }
}
