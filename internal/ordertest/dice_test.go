package ordertest

import (
	"math/rand/v2"

	"pgregory.net/rapid"
)

// dice decide what is tried. With rapid's, a sequence that breaks a rule is shrunk to a short one.
type dice interface {
	// below draws a number from 0 to n-1.
	below(n int) int
}

type rapidDice struct{ t *rapid.T }

func (d rapidDice) below(n int) int {
	if n <= 1 {
		return 0
	}
	return rapid.IntRange(0, n-1).Draw(d.t, "dice")
}

// seededDice always fall the same way for a seed.
type seededDice struct{ r *rand.Rand }

func newSeededDice(seed uint64) seededDice {
	return seededDice{rand.New(rand.NewPCG(seed, 1))}
}

func (d seededDice) below(n int) int {
	if n <= 1 {
		return 0
	}
	return d.r.IntN(n)
}

func pick[T any](d dice, from []T) T { return from[d.below(len(from))] }

// chance is true in percent of all cases.
func chance(d dice, percent int) bool { return d.below(100) >= 100-percent }
