import 'reflect-metadata';
import { runApp } from '@sluice/platform-runtime';
import { readConfig } from './config.js';
import { createApp } from './create-app.js';

await runApp('projector', readConfig, createApp, 'background');
