import { Module } from '@nestjs/common';
import { CommandStore } from './command-store.js';

/** What the command API's use cases write through. */
@Module({ providers: [CommandStore], exports: [CommandStore] })
export class CommandStoreModule {}
