package app

import (
	"context"
	"fmt"
	"time"

	"github.com/gofrs/flock"
)

// lockFile waits for its turn to write to a file that several processes append to. The operating system drops the lock
// when the process ends, however it ends.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, fmt.Errorf("wait for the turn to write to %s: %w", path, err)
	}
	return func() { _ = lock.Unlock() }, nil
}
