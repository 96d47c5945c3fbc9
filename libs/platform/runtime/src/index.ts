export { type AppConfig, NotSafeHere, onSignal, type Priority, runApp, type RunningApp, startApp } from './run-app.js';
