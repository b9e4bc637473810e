package resolvertest

import (
	"testing"

	"ficha/matching/resolver"
)

func TestMemory(t *testing.T) {
	ExerciseState(t, func(*testing.T) resolver.State { return NewMemory() })
}
