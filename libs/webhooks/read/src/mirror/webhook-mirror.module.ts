import { type DynamicModule, Module } from '@nestjs/common';
import type { SupabaseConfig } from '@sluice/platform-config';
import { LogDatabase, ProjectionDatabase } from '@sluice/platform-database';
import { SupabaseProject } from '@sluice/platform-supabase';
import type { Logger } from '@sluice/platform-telemetry';
import { WebhookMirror } from './webhook-mirror.js';

/** Nobody waits for it, and a request may be large. */
const answerMsMax = 15_000;

/** Needs the log and the query store. */
@Module({})
export class WebhookMirrorModule {
  static forRoot(config: SupabaseConfig, logger: Logger): DynamicModule {
    return {
      module: WebhookMirrorModule,
      providers: [
        {
          provide: WebhookMirror,
          useFactory: (log: LogDatabase, store: ProjectionDatabase) =>
            new WebhookMirror(log, store, new SupabaseProject(config, answerMsMax), logger),
          inject: [LogDatabase, ProjectionDatabase],
        },
      ],
    };
  }
}
