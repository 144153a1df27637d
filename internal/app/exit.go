package app

import (
	"context"
	"errors"

	"github.com/linli/linli/internal/fault"
)

// The exit statuses of the command line.
const (
	ExitOK          = 0   // done
	ExitRefused     = 1   // the rules refused it, or mistakes were found
	ExitUsage       = 2   // the command line, or a value in it, cannot be understood
	ExitData        = 3   // the data, its keys or its lock cannot be used, or the program has a defect
	ExitInterrupted = 130 // stopped by a signal before it was done
)

// errFound says that mistakes were found and have been printed already.
var errFound = errors.New("mistakes were found")

// status is the one table from errors to exit statuses.
func status(err error) int {
	var broken *brokenSet
	switch {
	case err == nil:
		return ExitOK
	case refusalOf(err) != nil, errors.Is(err, errFound), errors.As(err, &broken):
		return ExitRefused
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	}
	switch fault.KindOf(err) {
	case fault.Refused, fault.Forbidden, fault.NotFound, fault.Conflict, fault.Precondition, fault.Mismatch:
		return ExitRefused
	case fault.Invalid:
		return ExitUsage
	case fault.Internal, fault.Unavailable, fault.Locked, fault.Key:
		return ExitData
	}
	return ExitData
}
