export { type AppConfig, onSignal, type Priority, runApp, type RunningApp, startApp } from './run-app.js';
