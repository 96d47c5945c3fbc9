export { type AppConfig, onSignal, runApp, type RunningApp, startApp } from './run-app.js';
