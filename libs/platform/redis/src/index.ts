export { connectRedis, jobWaitSeconds, type RedisClient } from './connect-redis.js';
export { keepListening } from './keep-listening.js';
