package calendar

import (
	"sync"
	"time"
)

// Cache parses each cron rule once per zone. The zero value is ready; it is safe for concurrent use.
// A process holds a handful of rules, so the cache starts afresh when it has taken in cacheLimit of them.
type Cache struct {
	mu     sync.RWMutex
	parsed map[cacheKey]Schedule
}

type cacheKey struct {
	spec string
	zone string
}

const cacheLimit = 4096

// ParseCron does what the function of the same name does. Errors are not remembered.
func (c *Cache) ParseCron(spec string, zone *time.Location) (Schedule, error) {
	if zone == nil {
		return ParseCron(spec, zone)
	}
	key := cacheKey{spec, zone.String()}
	c.mu.RLock()
	s, ok := c.parsed[key]
	c.mu.RUnlock()
	if ok {
		return s, nil
	}
	s, err := ParseCron(spec, zone)
	if err != nil {
		return Schedule{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil || len(c.parsed) >= cacheLimit {
		c.parsed = make(map[cacheKey]Schedule)
	}
	c.parsed[key] = s
	return s, nil
}
