package eventstest_test

import (
	"testing"

	"ficha/events/eventstest"
)

func TestIDIndex(t *testing.T) {
	eventstest.ExerciseIDIndex(t, func(*testing.T) eventstest.IDIndexUnderTest {
		return eventstest.IDIndexUnderTest{Index: &eventstest.IDIndex{}}
	})
}
