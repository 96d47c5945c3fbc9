export { connectRedis, jobWaitSeconds, type RedisClient } from './connect-redis.js';
export { keepListening } from './keep-listening.js';
export { evictionPolicy, mayEvict, RedisWatch, RedisWatchModule } from './redis-watch.js';
