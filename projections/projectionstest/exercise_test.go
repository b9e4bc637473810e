package projectionstest_test

import (
	"testing"

	"ficha/projections"
	"ficha/projections/projectionstest"
)

func TestMemory(t *testing.T) {
	projectionstest.Exercise(t, func(*testing.T) projections.Store { return projectionstest.NewMemory() },
		projectionstest.Features{Close: func(s projections.Store) error { return s.(*projectionstest.Memory).Close() }})
}
